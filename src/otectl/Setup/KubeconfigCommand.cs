using System.CommandLine;
using Ote.Ctl.Cli;
using Ote.Ctl.Clusters;
using Ote.Ctl.Live;
using Ote.Ctl.Output;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Ctl.Setup;

/// <summary><c>otectl kubeconfig</c>: the part of the kubeconfig in use that reaches the control API.</summary>
internal static class KubeconfigCommand
{
    internal static Command Build(CommandRunner runner)
    {
        var raw = new Option<bool>("--raw") { Description = "With credentials, files embedded, ready to be used elsewhere" };
        var merge = new Option<string?>("--merge") { Description = "Write it into this kubeconfig, replacing entries of the same names", HelpName = "FILE" };
        var cluster = ClusterOption.Create("Of that cluster's own API, behind the control API");
        return runner.Attach(
            new Command("kubeconfig", "Print the kubeconfig in use for the control API, or one for a cluster behind it, or merge it into another.") { raw, merge, cluster },
            async (run, cancellation) =>
            {
                if (run.Typed.GetValue(cluster) is { } named)
                {
                    await CheckAsync(run, named, cancellation).ConfigureAwait(false);
                }

                return Run(run, run.Typed.GetValue(raw), run.Typed.GetValue(merge), run.Typed.GetValue(cluster));
            });
    }

    /// <summary>A file that leads nowhere is no help: whether there is such a cluster the control API knows. Where it cannot be asked, the file is made all the same, and that is said.</summary>
    /// <exception cref="CtlException">It says that there is none.</exception>
    private static async Task CheckAsync(Invocation run, string cluster, CancellationToken cancellation)
    {
        try
        {
            if (await run.Api.GetAsync(Kinds.Clusters, null, cluster, cancellation).ConfigureAwait(false) is null)
            {
                // The cluster whose control API it is has no object there.
                await run.Api.SendAsync(HttpMethod.Get, $"clusters/{cluster}/version", null, null, cancellation).ConfigureAwait(false);
            }
        }
        catch (KubeStatusException unknown) when (unknown.IsNotFound)
        {
            throw ClusterReader.Unknown(run, cluster, await ClusterReader.AllAsync(run, cancellation).ConfigureAwait(false));
        }
        catch (Exception unasked) when (unasked is KubeStatusException or HttpRequestException)
        {
            run.Note($"warning: the control API does not say whether there is a cluster '{cluster}': {unasked.Message}");
        }
    }

    private static ExitCode Run(Invocation run, bool raw, string? mergeInto, string? cluster)
    {
        var path = Kubeconfig.DefaultPath(run.KubeconfigPath);
        var config = KubeconfigFile.Read(path);
        var folder = Path.GetDirectoryName(Path.GetFullPath(path)) ?? ".";
        try
        {
            var slice = KubeconfigSlice.Of(config, run.ContextName, file => File.ReadAllBytes(Path.Combine(folder, file)));
            slice = cluster is null ? slice : KubeconfigSlice.Behind(slice, cluster);
            if (mergeInto is not null)
            {
                var target = File.Exists(mergeInto) ? KubeconfigFile.Read(mergeInto) : [];
                KubeconfigFile.Write(mergeInto, KubeconfigSlice.Merge(target, slice));
                run.Out.Write($"context {slice.Text("current-context")} written to {mergeInto}\n");
                return ExitCode.Ok;
            }

            ObjectPrinter.One(run.Out, run.Format == OutputFormat.Json ? OutputFormat.Json : OutputFormat.Yaml, raw ? slice : KubeconfigSlice.Redact(slice));
            return ExitCode.Ok;
        }
        catch (Exception unusable) when (unusable is FormatException or IOException or UnauthorizedAccessException)
        {
            throw new KubeconfigException($"kubeconfig {path}: {unusable.Message}", unusable);
        }
    }
}
