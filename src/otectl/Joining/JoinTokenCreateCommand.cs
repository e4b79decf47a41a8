using System.CommandLine;
using System.Text.Json.Nodes;
using Ote.Ctl.Cli;
using Ote.Ctl.Clusters;
using Ote.Ctl.Output;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Resources;

namespace Ote.Ctl.Joining;

/// <summary><c>otectl join-token create</c>: the only moment at which the secret is seen.</summary>
internal sealed class JoinTokenCreateCommand
{
    private readonly Option<TimeSpan?> _ttl = Durations.Option("--ttl", "How long the token can be used (default: 24h)");

    private readonly Option<int?> _uses = new("--uses")
    {
        Description = "How many clusters may join with it; 0 for any number (default: 1)",
        HelpName = "N",
    };

    private readonly Option<bool> _autoAccept = new("--auto-accept") { Description = "Clusters are in as soon as they join (the default)" };

    private readonly Option<bool> _ask = new("--no-auto-accept") { Description = "Clusters wait for 'accept'" };

    private readonly Option<string?> _name = new("--name") { Description = "Only clusters whose name matches, such as 'shop-*' (default: any)", HelpName = "PATTERN" };

    private readonly Option<string?> _issuer = new("--issuer")
    {
        Description = "The cluster that lets in by it, also while the root is away (see 'issuing grant'); the root lets in nobody by it (default: the root)",
        HelpName = "CLUSTER",
    };

    private JoinTokenCreateCommand()
    {
    }

    internal static Command Build(CommandRunner runner)
    {
        var create = new JoinTokenCreateCommand();
        create._issuer.CompletionSources.Add(Completions.Clusters);
        create._uses.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && (!int.TryParse(result.Tokens[0].Value, out var uses) || uses < 0))
            {
                result.AddError($"--uses: '{result.Tokens[0].Value}' is no number of uses; write 0 for any number, or 1 and more");
            }
        });
        create._name.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && !CanMatch(result.Tokens[0].Value))
            {
                result.AddError($"--name: no cluster can be called as in '{result.Tokens[0].Value}'; names have 1 to 63 of a-z, 0-9 and '-', none at an end, and a pattern * and ? too");
            }
        });
        return runner.Attach(
            new Command("create", "Create a join token, and print it once with the command that uses it.")
            {
                create._ttl, create._uses, create._autoAccept, create._ask, create._name, create._issuer,
            },
            create.RunAsync);
    }

    /// <summary>Whether a cluster's name can match a pattern: a token that nobody can use would be found out at the site.</summary>
    internal static bool CanMatch(string pattern) =>
        pattern.Length is > 0 and <= 63 && pattern[0] != '-' && pattern[^1] != '-' && pattern.All(c => c is (>= 'a' and <= 'z') or (>= '0' and <= '9') or '-' or '*' or '?');

    private async Task<ExitCode> RunAsync(Invocation run, CancellationToken cancellation)
    {
        if (run.Typed.GetValue(_autoAccept) && run.Typed.GetValue(_ask))
        {
            throw new CtlException(ExitCode.Usage, "--auto-accept and --no-auto-accept exclude each other; give one of them");
        }

        await RootApi.CheckAsync(run, JoinTokenCommand.OnlyTheRoot, cancellation).ConfigureAwait(false);
        var issuer = run.Typed.GetValue(_issuer) is { } name ? await IssuerAsync(run, name, cancellation).ConfigureAwait(false) : (ClusterView?)null;
        var notice = await TreeNotice.ReadAsync(run, cancellation).ConfigureAwait(false);
        if (issuer is { Listen.Length: > 0 } below)
        {
            notice = notice with { ParentAddress = $"https://{below.Listen}" };
        }

        var token = JoinTokenText.Create(run.World.Entropy);
        var ttl = run.Typed.GetValue(_ttl) ?? TimeSpan.FromHours(24);
        var expires = run.Now + ttl;
        var obj = JoinTokenView.Make(token, expires, run.Typed.GetValue(_uses) ?? 1, !run.Typed.GetValue(_ask), run.Typed.GetValue(_name), issuer?.Name);
        try
        {
            await run.Api.CreateAsync(Kinds.JoinTokens, null, obj, cancellation).ConfigureAwait(false);
        }
        catch (KubeStatusException unknown) when (unknown.IsNotFound)
        {
            throw ClusterReader.NotInstalled(run, Kinds.JoinTokens, unknown);
        }

        Print(run, token, expires, ttl, notice);
        return ExitCode.Ok;
    }

    /// <summary>The cluster that is to let in; it needs no leave yet, but somebody should say so.</summary>
    private async Task<ClusterView> IssuerAsync(Invocation run, string name, CancellationToken cancellation)
    {
        if (run.Typed.GetValue(_ask))
        {
            throw new CtlException(ExitCode.Usage, "--issuer and --no-auto-accept exclude each other: approval is the root's to give; leave one of them out");
        }

        var issuer = await ClusterReader.OneAsync(run, name, cancellation).ConfigureAwait(false);
        if (issuer.Object.At("spec", "issuing") is null)
        {
            run.Note($"cluster '{name}' has no leave to let others in yet; give it with {run.World.ProgramName} issuing grant {name}");
        }

        return issuer;
    }

    private static void Print(Invocation run, JoinTokenText token, DateTimeOffset expires, TimeSpan ttl, TreeNotice notice)
    {
        var command = $"ote cluster-controller --name NAME --data DIR --parent {notice.ParentAddress ?? "HOST:PORT"} --ca-pin {notice.CaPin ?? "CA-PIN"} --join-token-file join-token";
        if (run.WantsObjects)
        {
            var answer = new JsonObject
            {
                ["id"] = token.Id,
                ["token"] = token.Reveal(),
                ["expiresAt"] = expires.ToKubeTime(),
                ["caPin"] = notice.CaPin,
                ["parentAddress"] = notice.ParentAddress,
                ["command"] = command,
            };
            if (run.Format == OutputFormat.Name)
            {
                run.Out.Write($"jointoken.{Kinds.JoinTokens.Group}/{token.Id}\n");
            }
            else
            {
                ObjectPrinter.One(run.Out, run.Format, answer);
            }
        }
        else
        {
            run.Out.Write($"Token:    {token.Reveal()}\n");
            run.Out.Write($"CA pin:   {notice.CaPin ?? "<not published yet>"}\n");
            run.Out.Write($"Parent:   {notice.ParentAddress ?? "<not published yet>"}\n");
            run.Out.Write($"Expires:  {expires.ToKubeTime()} (in {Age.Format(ttl)})\n\n");
            run.Out.Write("The token is shown only now. On the machine of the new cluster, with a name and a directory of your choice:\n\n");
            run.Out.Write($"  (umask 077; echo {token.Reveal()} > join-token)\n  {command}\n");
        }

        if (notice.CaPin is null || notice.ParentAddress is null)
        {
            run.Note(
                $"the root has not published its CA pin and address in ConfigMap {GlobalOptions.ControlNamespace}/{TreeNotice.ConfigMap}; "
                + "start the root's cluster-controller, and take both from its log");
        }
    }
}
