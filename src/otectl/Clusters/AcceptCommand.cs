using System.CommandLine;
using System.Text.Json.Nodes;
using Ote.Ctl.Cli;
using Ote.Ctl.Output;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Ctl.Clusters;

/// <summary>
/// <c>otectl accept NAME...</c> lets clusters in that joined with a token that asks first, or that were revoked;
/// <c>otectl revoke NAME...</c> shuts clusters out. Both set <c>spec.accepted</c>.
/// </summary>
internal static class AcceptCommand
{
    private const string Deleted = "; one that was revoked and then deleted joins as a new one, with a fresh data directory (--data) and a new join token";

    internal static Command BuildAccept(CommandRunner runner) => Build(runner, "accept", "Accept clusters that wait for approval, or that were revoked.", true);

    internal static Command BuildRevoke(CommandRunner runner) => Build(runner, "revoke", "Shut clusters out of the tree, until they are accepted again.", false);

    private static Command Build(CommandRunner runner, string name, string description, bool accepted)
    {
        var names = new Argument<string[]>("NAME") { HelpName = "NAME", Description = $"Clusters to {name}", Arity = ArgumentArity.OneOrMore };
        names.CompletionSources.Add(Completions.Clusters);
        return runner.Attach(new Command(name, description) { names }, (run, cancellation) => RunAsync(run, run.Typed.GetValue(names) ?? [], accepted, cancellation));
    }

    private static async Task<ExitCode> RunAsync(Invocation run, string[] names, bool accepted, CancellationToken cancellation)
    {
        if (!accepted && names.Contains(RootApi.Name, StringComparer.Ordinal))
        {
            throw new CtlException(ExitCode.Failed, "the root cannot be revoked: it is who revokes; stop its controller instead");
        }

        await RootApi.CheckAsync(run, $"and only the root can {(accepted ? "accept" : "revoke")}", cancellation).ConfigureAwait(false);
        var done = accepted ? "accepted" : "revoked";
        // All names are checked before anything is changed: a typing error must not leave half of it done.
        var found = new List<ClusterView>();
        foreach (var name in names.Distinct(StringComparer.Ordinal))
        {
            found.Add(await ClusterReader.OneAsync(run, name, cancellation, accepted ? Deleted : "").ConfigureAwait(false));
        }

        var changed = new List<JsonObject>();
        foreach (var cluster in found)
        {
            var already = cluster.Object.Truth("spec", "accepted") == accepted;
            var patch = new JsonObject { ["spec"] = new JsonObject { ["accepted"] = accepted } };
            changed.Add(already
                ? cluster.Object
                : await run.Api.PatchAsync(Kinds.Clusters, null, cluster.Name, PatchKind.Merge, patch, cancellation, fieldManager: "otectl").ConfigureAwait(false));
            if (!run.WantsObjects)
            {
                run.Out.Write($"cluster {cluster.Name} {(already ? $"was {(accepted ? "accepted" : "not accepted")} already" : done)}\n");
            }
        }

        if (run.WantsObjects)
        {
            await ObjectPrinter.ListAsync(run.Out, run.Format, changed).ConfigureAwait(false);
        }

        return ExitCode.Ok;
    }
}
