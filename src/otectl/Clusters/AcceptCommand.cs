using System.CommandLine;
using System.Text.Json.Nodes;
using Ote.Cluster.Identity;
using Ote.Cluster.Routing;
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
    private const string Deleted = "; one that was revoked and then deleted is let in again with its uid (--uid UID, which its own log tells), or joins as a new one, with a fresh data directory (--data) and a new join token";

    internal static Command BuildAccept(CommandRunner runner)
    {
        var uid = new Option<string?>("--uid") { Description = "Of the one cluster named: lets in again what was revoked under this uid and whose Cluster was deleted", HelpName = "UID" };
        var accept = Build(
            runner, "accept", "Accept clusters that wait for approval, or that were revoked.", true,
            (run, names, cancellation) => run.Typed.GetValue(uid) is { } given ? AnewAsync(run, names, given, cancellation) : RunAsync(run, names, true, cancellation));
        accept.Options.Add(uid);
        return accept;
    }

    internal static Command BuildRevoke(CommandRunner runner) => Build(runner, "revoke", "Shut clusters out of the tree, until they are accepted again.", false, (run, names, cancellation) => RunAsync(run, names, false, cancellation));

    private static Command Build(CommandRunner runner, string name, string description, bool accepted, Func<Invocation, string[], CancellationToken, Task<ExitCode>> act)
    {
        var names = new Argument<string[]>("NAME") { HelpName = "NAME", Description = $"Clusters to {name}", Arity = ArgumentArity.OneOrMore };
        names.CompletionSources.Add(Completions.Clusters);
        return runner.Attach(new Command(name, description) { names }, (run, cancellation) => act(run, run.Typed.GetValue(names) ?? [], cancellation));
    }

    /// <summary>
    /// Lets in again what the root holds on its list of revocations and has no object of: the name and the uid must both be given, so that nothing comes
    /// back by the name alone, and the name must be free.
    /// </summary>
    private static async Task<ExitCode> AnewAsync(Invocation run, string[] names, string uid, CancellationToken cancellation)
    {
        if (names.Distinct(StringComparer.Ordinal).ToArray() is not [var typed])
        {
            throw new CtlException(ExitCode.Usage, $"--uid is of one cluster, and {names.Length} are named; accept them one by one");
        }

        var name = ClusterReader.Bare(typed);
        if (ClusterName.CheckChild(name) is { } wrong)
        {
            throw new CtlException(ExitCode.Usage, wrong);
        }

        if (!IdentityRules.IsUid(uid))
        {
            throw new CtlException(ExitCode.Usage, $"--uid: '{uid}' is not 1 to {IdentityRules.MaxUid} letters, digits and '-'; the log of the cluster tells its uid with each refusal");
        }

        await RootApi.CheckAsync(run, "and only the root can accept", cancellation).ConfigureAwait(false);
        if (await run.Api.GetAsync(Kinds.Clusters, null, name, cancellation).ConfigureAwait(false) is { } there)
        {
            return there.Text("spec", "uid") == uid
                ? await RunAsync(run, [name], true, cancellation).ConfigureAwait(false)
                : throw new CtlException(
                    ExitCode.Failed, $"the name {name} is held by another cluster by now, with the uid {there.Text("spec", "uid")}; one of the two must go: delete that one, or let the other join under another name");
        }

        var made = await run.Api.CreateAsync(
            Kinds.Clusters,
            null,
            new JsonObject
            {
                ["apiVersion"] = Kinds.Clusters.ApiVersion,
                ["kind"] = Kinds.Clusters.Kind,
                ["metadata"] = new JsonObject { ["name"] = name },
                ["spec"] = new JsonObject { ["name"] = name, ["uid"] = uid, ["accepted"] = true },
            },
            cancellation).ConfigureAwait(false);
        if (run.WantsObjects)
        {
            ObjectPrinter.One(run.Out, run.Format, made);
        }
        else
        {
            run.Out.Write($"cluster {name} accepted with uid {uid}: it has a Cluster again\n");
            run.Note($"if it was revoked as {name} under that uid, the root lets it in again, and it comes back by itself within minutes; its place, link budget and tags are not as the deleted Cluster wished them: say them again");
        }

        return ExitCode.Ok;
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
