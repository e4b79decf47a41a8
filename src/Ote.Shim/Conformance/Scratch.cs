using Google.Protobuf;
using Ote.Shim.Contract;
using Error = Ote.Shim.Contract.ExecuteResponse.Types.Error;

namespace Ote.Shim.Conformance;

/// <summary>One run's objects at the target, and the requests about them.</summary>
internal sealed class Scratch(IClusterShim shim, ConformanceTarget target, ConformanceOptions options, string run, TimeProvider time)
{
    private readonly List<string> _names = [];
    private int _keys;

    public IClusterShim Shim => shim;

    public ConformanceTarget Target => target;

    public TimeProvider Time => time;

    public TimeSpan Patience => options.Patience;

    /// <summary>Long enough for a request to have begun.</summary>
    public static TimeSpan UnderWay { get; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Errors seen so far: the situation that brought each.</summary>
    public Dictionary<string, ExecuteResponse> Errors { get; } = [];

    public string NewName()
    {
        string name = $"ote-conformance-{run}-{_names.Count}";
        _names.Add(name);
        return name;
    }

    public string NewValue() => $"value-{run}-{_keys++}";

    public ExecuteRequest Request(string method, string url, string body = "") => new()
    {
        Destination = target.Destination,
        Method = method,
        Url = url,
        Body = ByteString.CopyFromUtf8(body),
        ContentType = body.Length > 0 ? target.ContentType : "",
        IdempotencyKey = $"ote-conformance-{run}.{_keys++}",
        User = target.User,
        TimeoutMilliseconds = 10_000,
    };

    public ExecuteRequest Get(string name) => Request("GET", Fill(target.ObjectUrl, name));

    public ExecuteRequest Delete(string name) => Request("DELETE", Fill(target.ObjectUrl, name));

    public ExecuteRequest Put(string name, string value) => Request("PUT", Fill(target.ObjectUrl, name), Fill(target.Body, name, value));

    public ExecuteRequest Create(string name, string value) =>
        target.CreateUrl is { } url ? Request("POST", Fill(url, name), Fill(target.Body, name, value)) : Put(name, value);

    public ExecuteRequest Action(string name) => Request("POST", Fill(target.ActionUrl!, name), Fill(target.ActionBody, name));

    /// <summary>Runs a request and asks for a success.</summary>
    public async Task<ExecuteResponse> SucceedAsync(ExecuteRequest request, CancellationToken ct)
    {
        ExecuteResponse answer = await shim.ExecuteAsync(request, ct);
        CheckFailed.Unless(IsSuccess(answer), $"{request.Method} {request.Url} must succeed and gave {Show(answer)}");
        return answer;
    }

    /// <summary>Runs a request and asks for an error of the shim.</summary>
    public async Task<ExecuteResponse> FailAsync(string situation, ExecuteRequest request, Error expected, CancellationToken ct)
    {
        ExecuteResponse answer = await shim.ExecuteAsync(request, ct);
        CheckFailed.Unless(answer.Error == expected, $"{situation} must give {expected} and gave {Show(answer)}");
        Errors[situation] = answer;
        return answer;
    }

    /// <summary>Deletes what the run made.</summary>
    public async Task CleanAsync(CancellationToken ct)
    {
        foreach (string name in _names)
            await shim.ExecuteAsync(Delete(name), ct);
    }

    public static bool IsSuccess(ExecuteResponse answer) => answer.Error == Error.None && answer.Code is >= 200 and < 300;

    public static bool Holds(ExecuteResponse answer, string value) => answer.Body.ToStringUtf8().Contains(value, StringComparison.Ordinal);

    public static string Show(ExecuteResponse answer) => answer.Error == Error.None ? $"{answer.Code} of the cluster" : $"{answer.Error} ({answer.Code}: {answer.Text})";

    private static string Fill(string template, string name, string value = "") =>
        template.Replace("{name}", name, StringComparison.Ordinal).Replace("{value}", value, StringComparison.Ordinal);
}
