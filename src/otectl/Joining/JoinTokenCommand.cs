using System.CommandLine;
using System.Globalization;
using Ote.Cli;
using Ote.Ctl.Cli;
using Ote.Ctl.Clusters;
using Ote.Ctl.Output;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Ctl.Joining;

/// <summary><c>otectl join-token create|list|revoke</c>: at the root's API, which alone lets in by what it holds.</summary>
internal static class JoinTokenCommand
{
    internal const string OnlyTheRoot = "which alone goes by join tokens (one that another cluster is to let in by is made there too, with --issuer)";

    internal static Command Build(CommandRunner runner)
    {
        var id = new Argument<string[]>("ID") { HelpName = "ID", Description = "Part of the token before the dot", Arity = ArgumentArity.OneOrMore };
        id.CompletionSources.Add(Completions.Tokens);
        return new Command("join-token", "Create, list and revoke the tokens that clusters join with.")
        {
            JoinTokenCreateCommand.Build(runner),
            runner.Attach(new Command("list", "List join tokens; their secrets are kept nowhere."), ListAsync),
            runner.Attach(
                new Command("revoke", "Make join tokens useless; clusters that joined with them stay.") { id },
                (run, cancellation) => RevokeAsync(run, run.Typed.GetValue(id) ?? [], cancellation)),
        };
    }

    private static async Task<ExitCode> ListAsync(Invocation run, CancellationToken cancellation)
    {
        await RootApi.CheckAsync(run, OnlyTheRoot, cancellation).ConfigureAwait(false);
        var tokens = (await AllAsync(run, cancellation).ConfigureAwait(false)).OrderByDescending(token => token.Created).ToArray();
        if (run.WantsObjects)
        {
            await ObjectPrinter.ListAsync(run.Out, run.Format, tokens.Select(token => token.Object)).ConfigureAwait(false);
            return ExitCode.Ok;
        }

        if (tokens.Length == 0)
        {
            run.Note($"no join tokens; {run.World.ProgramName} join-token create makes one");
            return ExitCode.Ok;
        }

        var table = new TextTable("ID", "STATE", "USED", "EXPIRES", "ACCEPT", "NAMES", "LETS IN", "AGE");
        foreach (var token in tokens)
        {
            table.Add(
                token.Id,
                new Cell(token.State(run.Now), run.OutPaint.State),
                token.Used.ToString(CultureInfo.InvariantCulture) + (token.Uses > 0 ? $"/{token.Uses}" : ""),
                token.Expires is not { } expires ? "never" : expires <= run.Now ? $"{Age.Format(run.Now - expires)} ago" : $"in {Age.Format(expires - run.Now)}",
                token.AutoAccept ? "auto" : "asks",
                token.NamePattern.Length > 0 ? token.NamePattern : "*",
                token.Issuer.Length > 0 ? token.Issuer : "root",
                Age.Since(token.Created, run.Now));
        }

        table.WriteTo(run.Out);
        return ExitCode.Ok;
    }

    private static async Task<ExitCode> RevokeAsync(Invocation run, string[] ids, CancellationToken cancellation)
    {
        await RootApi.CheckAsync(run, OnlyTheRoot, cancellation).ConfigureAwait(false);
        foreach (var id in ids.Select(id => id.Split('.')[0]))
        {
            if (!await run.Api.DeleteAsync(Kinds.JoinTokens, null, id, cancellation).ConfigureAwait(false))
            {
                var all = await AllAsync(run, cancellation).ConfigureAwait(false);
                throw new CtlException(
                    ExitCode.Failed,
                    $"join token '{id}' does not exist{Nearest.Hint(id, all.Select(token => token.Id))}; {run.World.ProgramName} join-token list lists those that do");
            }

            run.Out.Write(run.WantsObjects ? $"jointoken.{Kinds.JoinTokens.Group}/{id}\n" : $"join token {id} revoked\n");
        }

        return ExitCode.Ok;
    }

    private static async Task<IEnumerable<JoinTokenView>> AllAsync(Invocation run, CancellationToken cancellation)
    {
        try
        {
            var list = await run.Api.ListAsync(Kinds.JoinTokens, null, null, cancellation).ConfigureAwait(false);
            return list.Items.Select(item => new JoinTokenView(item));
        }
        catch (KubeStatusException unknown) when (unknown.IsNotFound)
        {
            throw ClusterReader.NotInstalled(run, Kinds.JoinTokens, unknown);
        }
    }
}
