using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Roles.Hosting;

namespace Ote.Node.Install;

/// <summary>What came of a trial.</summary>
/// <param name="Unfit">Why the hub could not run; null: it could.</param>
/// <param name="Warnings">What would keep it from nothing, and is hardly meant.</param>
internal sealed record HubTrialResult(string? Unfit, IReadOnlyList<string> Warnings);

/// <summary>Asks an executable whether it could run the hub with these options, as a service would: by <c>edgehub --check</c>, which looks at them and at what it was laid out with, and touches nothing.</summary>
internal static class HubTrial
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Asks.</summary>
    /// <param name="program">The executable.</param>
    /// <param name="arguments">Of <c>ote-node edgehub</c>.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="RoleException">The executable cannot be run, or did not end.</exception>
    public static async Task<HubTrialResult> RunAsync(string program, IReadOnlyList<string> arguments, CancellationToken ct)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(ct);
        patience.CancelAfter(Patience);
        using var process = Start(program, arguments);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(patience.Token);
            var said = await process.StandardError.ReadToEndAsync(patience.Token).ConfigureAwait(false);
            await output.ConfigureAwait(false);
            await process.WaitForExitAsync(patience.Token).ConfigureAwait(false);
            return process.ExitCode == 0 ? new HubTrialResult(null, [.. Warnings(said)]) : new HubTrialResult(Line(said, process.ExitCode), []);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            process.Kill();
            throw new RoleException($"`{program} edgehub --check` did not end within {Patience.TotalSeconds:0} s; run it by hand to see where it stands");
        }
    }

    /// <summary>The messages of a log's warnings, whichever of its two forms it has.</summary>
    internal static IEnumerable<string> Warnings(string log) => log.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(Warning).OfType<string>();

    private static string? Warning(string line)
    {
        if (line.StartsWith('{'))
        {
            try
            {
                return JsonNode.Parse(line) is JsonObject entry && entry.Text("LogLevel") == "Warning" ? entry.Text("Message") : null;
            }
            catch (JsonException)
            {
                return null; // No line of the log.
            }
        }

        return line.IndexOf(" warn: ", StringComparison.Ordinal) is var level and >= 0 && line.IndexOf("] ", level, StringComparison.Ordinal) is var category and >= 0 ? line[(category + 2)..] : null;
    }

    private static Process Start(string program, IReadOnlyList<string> arguments)
    {
        try
        {
            // A service stands in the root folder.
            return Process.Start(new ProcessStartInfo(program, ["edgehub", .. arguments, "--check"]) { WorkingDirectory = "/", RedirectStandardOutput = true, RedirectStandardError = true })!;
        }
        catch (System.ComponentModel.Win32Exception refused)
        {
            throw new RoleException($"{program} cannot be run: {refused.Message.TrimEnd('.')}; nothing was changed. Is its file system mounted noexec, or the program one for another processor?");
        }
    }

    private static string Line(string said, int code) =>
        said.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) is [.., var last] ? (last.StartsWith("error: ", StringComparison.Ordinal) ? last["error: ".Length..] : last).TrimEnd('.') : $"it ended with code {code}";
}
