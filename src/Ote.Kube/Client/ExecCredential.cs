using System.Diagnostics;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Kube.Client;

/// <summary>A credential plugin of a kubeconfig (client.authentication.k8s.io): a command that prints a token. Thread-safe.</summary>
public sealed class ExecCredential
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Margin = TimeSpan.FromSeconds(30);
    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly string _command;
    private readonly IReadOnlyList<string> _arguments;
    private readonly IReadOnlyList<(string Name, string Value)> _environment;
    private readonly string _apiVersion;
    private string? _token;
    private DateTimeOffset _expires;

    private ExecCredential(string command, IReadOnlyList<string> arguments, IReadOnlyList<(string, string)> environment, string apiVersion)
    {
        _command = command;
        _arguments = arguments;
        _environment = environment;
        _apiVersion = apiVersion;
    }

    internal static ExecCredential From(JsonObject exec) => new(
        exec.Text("command") ?? throw new FormatException("the exec credential has no command"),
        exec.Items("args")?.Select(a => a?.ToString() ?? "").ToArray() ?? [],
        exec.Items("env")?.OfType<JsonObject>().Select(e => (e.Text("name") ?? "", e.Text("value") ?? "")).ToArray() ?? [],
        exec.Text("apiVersion") ?? "client.authentication.k8s.io/v1");

    /// <summary>The current token; runs the command when there is none or it expires within 30 s.</summary>
    /// <exception cref="KubeconfigException">The command fails, takes longer than 60 s or prints no token.</exception>
    public async ValueTask<string> TokenAsync(TimeProvider time, CancellationToken cancellation)
    {
        await _gate.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            if (_token is null || time.GetUtcNow() + Margin >= _expires)
            {
                var answer = await RunAsync(time, cancellation).ConfigureAwait(false);
                _token = answer.Text("status", "token")
                    ?? throw new KubeconfigException($"credential command {_command} printed no status.token; run it by hand to see why");
                _expires = answer.Time("status", "expirationTimestamp") ?? DateTimeOffset.MaxValue;
            }

            return _token;
        }
        finally
        {
            _gate.Release();
        }
    }

    private async Task<JsonObject> RunAsync(TimeProvider time, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo(_command, _arguments) { RedirectStandardOutput = true };
        start.Environment["KUBERNETES_EXEC_INFO"] =
            new JsonObject { ["apiVersion"] = _apiVersion, ["kind"] = "ExecCredential", ["spec"] = new JsonObject { ["interactive"] = false } }.ToJsonString();
        foreach (var (name, value) in _environment)
        {
            start.Environment[name] = value;
        }

        try
        {
            using var process = Process.Start(start) ?? throw new KubeconfigException($"credential command {_command} did not start");
            using var patience = new CancellationTokenSource(Patience, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, patience.Token);
            try
            {
                var output = await process.StandardOutput.ReadToEndAsync(either.Token).ConfigureAwait(false);
                await process.WaitForExitAsync(either.Token).ConfigureAwait(false);
                return process.ExitCode == 0 && JsonNode.Parse(output) is JsonObject answer
                    ? answer
                    : throw new KubeconfigException($"credential command {_command} exited with {process.ExitCode}; run it by hand to see why");
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                process.Kill(entireProcessTree: true);
                throw new KubeconfigException($"credential command {_command} did not finish within {Patience.TotalSeconds} s");
            }
        }
        catch (Exception failed) when (failed is System.ComponentModel.Win32Exception or System.Text.Json.JsonException)
        {
            throw new KubeconfigException($"credential command {_command}: {failed.Message}", failed);
        }
    }
}
