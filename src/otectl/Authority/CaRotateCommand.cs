using System.CommandLine;
using System.Text.Json.Nodes;
using Ote.Ctl.Cli;
using Ote.Ctl.Clusters;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Ctl.Authority;

/// <summary>
/// <c>otectl ca rotate start|status|continue|finish|abort</c>: wishes about the tree's CA, written to ConfigMap <c>ote-system/ote-ca-rollover</c>
/// of the root, which carries each out once and answers there.
/// </summary>
internal static class CaRotateCommand
{
    private const string OnlyTheRoot = "which alone holds the CA";
    private const string ConfigMap = "ote-ca-rollover";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(200);

    internal static Command Build(CommandRunner runner)
    {
        var force = new Option<bool>("--force") { Description = "Leave clusters behind whose certificate is of the former CA" };
        var rotate = new Command("rotate", "Exchange the CA while the tree runs.")
        {
            Wish(runner, "start", "Make a second CA and have all clusters trust it too."),
            runner.Attach(new Command("status", "How far the exchange is."), StatusAsync),
            Wish(runner, "continue", "Let the second CA issue, though not all clusters have said that they trust it."),
            Wish(runner, "finish", "Trust the new CA only.", force),
            Wish(runner, "abort", "Give the new CA up, or return to the former one."),
        };
        return new Command("ca", "The tree's certificate authority.") { rotate };
    }

    private static Command Wish(CommandRunner runner, string wish, string description, Option<bool>? force = null)
    {
        var command = new Command(wish, description);
        if (force is not null)
        {
            command.Add(force);
        }

        return runner.Attach(command, (run, cancellation) => WishAsync(run, wish, force is not null && run.Typed.GetValue(force), cancellation));
    }

    private static async Task<ExitCode> WishAsync(Invocation run, string wish, bool force, CancellationToken cancellation)
    {
        await RootApi.CheckAsync(run, OnlyTheRoot, cancellation).ConfigureAwait(false);
        var id = new byte[8];
        run.World.Entropy(id);
        var request = Convert.ToHexStringLower(id);
        var data = new JsonObject { ["wish"] = wish, ["force"] = force ? "true" : "false", ["request"] = request };
        if (await run.Api.GetAsync(Kinds.ConfigMaps, GlobalOptions.ControlNamespace, ConfigMap, cancellation).ConfigureAwait(false) is null)
        {
            var created = new JsonObject { ["apiVersion"] = "v1", ["kind"] = "ConfigMap", ["metadata"] = new JsonObject { ["name"] = ConfigMap, ["namespace"] = GlobalOptions.ControlNamespace }, ["data"] = data };
            await run.Api.CreateAsync(Kinds.ConfigMaps, GlobalOptions.ControlNamespace, created, cancellation).ConfigureAwait(false);
        }
        else
        {
            await run.Api.PatchAsync(Kinds.ConfigMaps, GlobalOptions.ControlNamespace, ConfigMap, PatchKind.Merge, new JsonObject { ["data"] = data }, cancellation, fieldManager: "otectl").ConfigureAwait(false);
        }

        var began = run.World.Time.GetTimestamp();
        while (true)
        {
            var map = await run.Api.GetAsync(Kinds.ConfigMaps, GlobalOptions.ControlNamespace, ConfigMap, cancellation).ConfigureAwait(false);
            if (map.Text("data", "answered") == request)
            {
                var answer = map.Text("data", "answer") ?? "";
                return answer.StartsWith("refused", StringComparison.Ordinal) ? throw new CtlException(ExitCode.Failed, answer) : Said(run, answer);
            }

            if (run.World.Time.GetElapsedTime(began) > Patience)
            {
                throw new CtlException(
                    ExitCode.TimedOut, $"the root has not answered within {Patience.TotalSeconds:0} s; the wish stands, and {run.World.ProgramName} ca rotate status shows what becomes of it. Is its controller running?");
            }

            await Task.Delay(Look, run.World.Time, cancellation).ConfigureAwait(false);
        }
    }

    private static ExitCode Said(Invocation run, string answer)
    {
        run.Out.Write(answer + "\n");
        return ExitCode.Ok;
    }

    private static async Task<ExitCode> StatusAsync(Invocation run, CancellationToken cancellation)
    {
        await RootApi.CheckAsync(run, OnlyTheRoot, cancellation).ConfigureAwait(false);
        var map = await run.Api.GetAsync(Kinds.ConfigMaps, GlobalOptions.ControlNamespace, ConfigMap, cancellation).ConfigureAwait(false);
        if (map.Text("data", "phase") is not { } phase)
        {
            return Said(run, "the tree's CA has never been exchanged");
        }

        string Of(string field) => map.Text("data", field) ?? "";
        run.Out.Write($"phase     {phase}\nissuing   {Of("issuing")}\n");
        if (phase == "Finished")
        {
            run.Out.Write($"other     {Of("other")}, not trusted any more\ntrusting  {Of("trusting")} of {Of("clusters")} trust the issuing CA only; not told yet: {Of("notTrusting")}\nrenewed   {Of("renewed")} of {Of("clusters")} on the issuing CA; not yet: {Of("notRenewed")}\n");
        }
        else if (phase != "None")
        {
            run.Out.Write($"other     {Of("other")}\ntrusting  {Of("trusting")} of {Of("clusters")} trust both; not yet: {Of("notTrusting")}\nrenewed   {Of("renewed")} of {Of("clusters")} on the issuing CA; not yet: {Of("notRenewed")}\n");
        }

        if (Of("until").Length > 0)
        {
            run.Out.Write($"until     {Of("until")} certificates of the other can be renewed\n");
        }

        var rotate = $"{run.World.ProgramName} ca rotate";
        var next = (phase, Of("notRenewed")) switch
        {
            ("Trusting", _) => $"it goes on by itself when all trust both; {rotate} continue does not wait for those that do not",
            ("Renewing", "none") => $"{rotate} finish: all are on the issuing CA",
            ("Renewing", _) => $"wait until all are renewed, then {rotate} finish; with --force it leaves the others behind, and abort turns round",
            _ => "",
        };
        if (next.Length > 0)
        {
            run.Out.Write($"next      {next}\n");
        }

        return ExitCode.Ok;
    }
}
