using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Ote.Bench.Load;

/// <summary>This executable once more, in a hidden role, spoken to over its input and output. It ends when its input does.</summary>
internal sealed class ChildProcess : IAsyncDisposable
{
    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(15);
    private readonly Process _process;

    private ChildProcess(Process process) => _process = process;

    /// <summary>Starts one.</summary>
    /// <param name="role">As the command line names it.</param>
    /// <param name="folder">Where it puts its files; for one that is killed and cannot remove its own.</param>
    /// <param name="networkOfItsOwn">In a network namespace of its own, which ends with it; as root.</param>
    /// <param name="environment">What else its environment holds, such as settings of the runtime.</param>
    public static ChildProcess Start(string role, string? folder = null, bool networkOfItsOwn = false, IReadOnlyDictionary<string, string>? environment = null)
    {
        // It replaces itself, so that the id and both pipes are the child's.
        string[] before = networkOfItsOwn ? ["unshare", "--net", "--"] : [];
        string[] command = [.. before, Environment.ProcessPath!];
        var start = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
        {
            start.ArgumentList.Add(typeof(ChildProcess).Assembly.Location);
        }

        start.ArgumentList.Add(role);
        if (folder is not null)
        {
            start.Environment["TMPDIR"] = folder;
        }

        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        return new ChildProcess(Process.Start(start) ?? throw new BenchException($"the {role} process did not start"));
    }

    public int Id => _process.Id;

    /// <summary>Asks and waits for the answer.</summary>
    /// <exception cref="BenchException">It refused, or it is gone.</exception>
    public async Task<JsonObject> AskAsync(JsonObject request, CancellationToken ct)
    {
        await _process.StandardInput.WriteLineAsync(request.ToJsonString().AsMemory(), ct);
        await _process.StandardInput.FlushAsync(ct);
        var line = await _process.StandardOutput.ReadLineAsync(ct) ?? throw new BenchException($"the child process ended while asked to {request["do"]}; what it said is above");
        var answer = (JsonObject)JsonNode.Parse(line)!;
        return (string?)answer["error"] is { } error ? throw new BenchException($"the child process could not {request["do"]}: {error}") : answer;
    }

    /// <summary>Opens so many links of one kind, spread over the servers in turn; more fields of the request as wanted.</summary>
    public Task<JsonObject> ConnectAsync(string kind, IEnumerable<string> servers, string identity, int count, CancellationToken ct, Action<JsonObject>? more = null)
    {
        var request = new JsonObject { ["do"] = kind, ["servers"] = servers.ToJson(), ["identity"] = identity, ["count"] = count };
        more?.Invoke(request);
        return AskAsync(request, ct);
    }

    /// <summary>What the process has to tell.</summary>
    public Task<JsonObject> StatsAsync(CancellationToken ct) => AskAsync(new JsonObject { ["do"] = "stats" }, ct);

    /// <summary>kill -9; completes when it is gone.</summary>
    public async Task KillAsync(CancellationToken ct)
    {
        _process.Kill();
        await _process.WaitForExitAsync(ct);
    }

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        using var patience = new CancellationTokenSource(Farewell);
        try
        {
            await _process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            _process.Kill();
        }

        _process.Dispose();
    }
}
