using System.Runtime.CompilerServices;
using System.Text.Json;
using Ote.Flow;
using Ote.Shim.Contract;

namespace Ote.Shim.Kubernetes.Kubernetes;

/// <summary>Asks an API server, as the shim itself, whether it is ready and which version it is.</summary>
internal sealed class ReadinessProbe(ClusterCall call, KubernetesShimOptions options, TimeProvider time, Func<double> random)
{
    private const int AnswerBytes = 16 * 1024;
    private const int ShownCharacters = 200;

    /// <summary>One item at once, then one at each change; ends by <paramref name="ct"/>.</summary>
    public async IAsyncEnumerable<Readiness> WatchAsync([EnumeratorCancellation] CancellationToken ct)
    {
        Backoff wait = new(options.ProbeBackoff, random);
        Readiness? last = null;
        while (true)
        {
            Readiness now = await AskAsync(ct);
            if (!now.Equals(last))
                yield return now.Clone();
            last = now;
            if (now.Ready)
                wait.Reset();
            await Task.Delay(now.Ready ? options.ProbeInterval : wait.Next(), time, ct);
        }
    }

    private async Task<Readiness> AskAsync(CancellationToken ct)
    {
        ExecuteResponse ready = await GetAsync("/readyz", ct);
        // Clusters of old have no /readyz, and some hide it: an answer to /version then is enough.
        bool unknowable = ready.Error == ExecuteResponse.Types.Error.None && ready.Code is 401 or 403 or 404;
        if (!unknowable && ready.Code != 200)
            return NotReady("/readyz", ready);
        ExecuteResponse version = await GetAsync("/version", ct);
        return version.Code == 200
            ? new Readiness { Ready = true, ClusterVersion = GitVersion(version.Body.Memory) }
            : NotReady("/version", version);
    }

    private async Task<ExecuteResponse> GetAsync(string path, CancellationToken ct)
    {
        using CancellationTokenSource late = new(options.ProbeTimeout, time);
        using CancellationTokenSource both = CancellationTokenSource.CreateLinkedTokenSource(ct, late.Token);
        try
        {
            return await call.SendAsync("GET", path, default, "", user: null, AnswerBytes, "", both.Token);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return ShimAnswer.Failure(ExecuteResponse.Types.Error.TimedOut, $"GET {path}: API server {call.Server} did not answer within {options.ProbeTimeout.TotalSeconds:0.###} s");
        }
    }

    private Readiness NotReady(string path, ExecuteResponse response)
    {
        if (response.Error != ExecuteResponse.Types.Error.None)
            return new Readiness { Text = response.Text };
        string body = response.Body.ToStringUtf8().Trim();
        return new Readiness { Text = $"API server {call.Server} answers {response.Code} to {path}: {(body.Length > ShownCharacters ? body[..ShownCharacters] : body)}" };
    }

    private static string GitVersion(ReadOnlyMemory<byte> body)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(body);
            return document.RootElement.TryGetProperty("gitVersion", out JsonElement version) ? version.GetString() ?? "" : "";
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return ""; // it answers, but is no Kubernetes that tells its version
        }
    }
}
