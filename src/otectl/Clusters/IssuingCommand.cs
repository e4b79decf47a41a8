using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Ctl.Cli;
using Ote.Ctl.Joining;
using Ote.Ctl.Placing;
using Ote.Kube.Objects;

namespace Ote.Ctl.Clusters;

/// <summary><c>otectl issuing grant CLUSTER --for 30d</c> and <c>otectl issuing withdraw CLUSTER</c>: <c>spec.issuing</c> of its object at the root.</summary>
internal static class IssuingCommand
{
    private const string OnlyTheRoot = "and only the root gives leave to let others in";
    private static readonly TimeSpan DefaultFor = TimeSpan.FromDays(30);
    private static readonly TimeSpan ShortestLife = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan LongestLife = TimeSpan.FromDays(30);

    internal static Command Build(CommandRunner runner) => new("issuing", "Which clusters may let in others while the root is away.") { Grant(runner), Withdraw(runner) };

    private static Command Grant(CommandRunner runner)
    {
        var name = Arguments.Cluster();
        var lasts = Durations.Option("--for", "How long from now it may (default: 30d)");
        var names = new Option<string?>("--names") { HelpName = "PATTERN", Description = "Only clusters whose name matches, such as 'shop-*' (default: any)" };
        names.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && !JoinTokenCreateCommand.CanMatch(result.Tokens[0].Value))
            {
                result.AddError($"--names: no cluster can be called as in '{result.Tokens[0].Value}'; names have 1 to 63 of a-z, 0-9 and '-', none at an end, and a pattern * and ? too");
            }
        });
        var life = Durations.Option("--certificate-life", "How long a certificate it issues counts; while the root is away it is followed by another (default: 1d)");
        return runner.Attach(new Command("grant", "Let a cluster admit others below it by join tokens made for it.") { name, lasts, names, life }, async (run, cancellation) =>
        {
            var one = run.Typed.GetValue(life);
            if (one < ShortestLife || one > LongestLife)
            {
                throw new CtlException(ExitCode.Usage, $"--certificate-life: {Durations.Format(one.Value)} is not between {Durations.Format(ShortestLife)} and {Durations.Format(LongestLife)}");
            }

            var (cluster, pattern) = (run.Typed.GetValue(name)!, run.Typed.GetValue(names));
            var until = (run.Now + (run.Typed.GetValue(lasts) ?? DefaultFor)).ToKubeTime();
            await RootApi.CheckAsync(run, OnlyTheRoot, cancellation).ConfigureAwait(false);
            await PlacementPatch.WriteAsync(
                run,
                cluster,
                _ => new JsonObject
                {
                    ["issuing"] = new JsonObject
                    {
                        ["until"] = until,
                        ["namePattern"] = pattern,
                        ["certificateSeconds"] = one is { } seconds ? (long)seconds.TotalSeconds : null,
                    },
                },
                _ => string.Create(CultureInfo.InvariantCulture, $"cluster {cluster} may let in {(pattern is null ? "clusters" : "clusters named " + pattern)} until {until}, by tokens of 'otectl join-token create --issuer {cluster}'"),
                cancellation,
                atRoot: "it admits clusters anyway").ConfigureAwait(false);
            return ExitCode.Ok;
        });
    }

    private static Command Withdraw(CommandRunner runner)
    {
        var name = Arguments.Cluster();
        return runner.Attach(
            new Command("withdraw", "Take it back, with what was issued by it and is not confirmed yet.") { name },
            async (run, cancellation) =>
            {
                var cluster = run.Typed.GetValue(name)!;
                var had = false;
                await RootApi.CheckAsync(run, OnlyTheRoot, cancellation).ConfigureAwait(false);
                await PlacementPatch.WriteAsync(
                    run,
                    cluster,
                    now =>
                    {
                        had = now.Object.At("spec", "issuing") is not null;
                        return new JsonObject { ["issuing"] = null };
                    },
                    _ => had ? $"cluster {cluster} lets in nobody any more; clusters it let in that the root has not admitted are cut off; its tokens let in nobody, until they are revoked or it gets leave again" : $"cluster {cluster} had no leave",
                    cancellation,
                    atRoot: "it admits clusters anyway").ConfigureAwait(false);
                return ExitCode.Ok;
            });
    }
}
