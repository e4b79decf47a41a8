using System.CommandLine;
using Ote.Ctl.Cli;
using Ote.Ctl.Clusters;
using Ote.Ctl.Live;

namespace Ote.Ctl.Getting;

/// <summary><c>otectl get KIND [NAME]</c>: objects of the whole tree, of one cluster's own API, or as they were.</summary>
internal static class GetCommand
{
    internal static Command Build(CommandRunner runner)
    {
        var kind = new Argument<string>("KIND") { Description = "Such as pods, po, deployments.apps, or pods/NAME", HelpName = "KIND" };
        var name = new Argument<string?>("NAME") { Description = "One of them alone, by its name in its cluster; without --cluster by the name it is shown under, NAME-CLUSTER", HelpName = "NAME", Arity = ArgumentArity.ZeroOrOne };
        var cluster = ClusterOption.Create("Of that cluster alone: what its own API says, or with --at what it had reported");
        var at = Moment.Option("--at", "As they were then, or so long ago, as far as the API of the kubeconfig keeps what it was told");
        var everywhere = new Option<bool>("--all-namespaces", "-A") { Description = "Of every namespace, whatever -n says" };
        var labels = new Option<string?>("--selector", "-l") { Description = "Only those with these labels, as kubectl's", HelpName = "SELECTOR" };
        var fields = new Option<string?>("--field-selector") { Description = "Only those with these fields, as kubectl's", HelpName = "SELECTOR" };
        var get = new Command("get", "List objects: of all clusters, of one, as they are or were. get clusters lists the tree's own.")
        {
            GetClustersCommand.Build(runner), kind, name, cluster, at, everywhere, labels, fields,
        };
        return runner.Attach(get, (run, cancellation) =>
        {
            var (typed, named) = (run.Typed.GetRequiredValue(kind), run.Typed.GetValue(name));
            if (named is null && typed.Split('/') is [{ Length: > 0 } first, { Length: > 0 } second])
            {
                (typed, named) = (first, second);
            }

            return new GetRun(run, typed, named)
            {
                Cluster = run.Typed.GetValue(cluster),
                At = run.Typed.GetValue(at)?.By(run.Now),
                Everywhere = run.Typed.GetValue(everywhere),
                Labels = run.Typed.GetValue(labels),
                Fields = run.Typed.GetValue(fields),
            }.RunAsync(cancellation);
        });
    }
}
