using Ote.Ctl.Cli;
using Ote.Kube.Client;

namespace Ote.Ctl.Live;

/// <summary>The kubectl on the PATH, led to a cluster: it is given the kubeconfig in use and another server, so that no credential is copied.</summary>
internal static class KubectlRun
{
    private const string Kubectl = "kubectl";

    /// <summary>Runs it; its exit code is the command's.</summary>
    /// <exception cref="CtlException">There is none.</exception>
    internal static async Task<ExitCode> RunAsync(Invocation run, string? cluster, IReadOnlyList<string> arguments, CancellationToken cancellation)
    {
        var endpoint = run.World.Locate(run.KubeconfigPath, run.ContextName);
        var kubectl = Find(run.World.Variable("PATH")) ?? throw new CtlException(
            ExitCode.Failed, $"{arguments[0]}: there is no {Kubectl} on the PATH, which carries it out; install one (v1.20 or later), or run: {run.World.ProgramName} kubeconfig{(cluster is null ? "" : " --cluster " + cluster)} --raw, and use that where there is one");
        List<string> all = ["--kubeconfig", Kubeconfig.DefaultPath(run.KubeconfigPath), "--server", ClusterOption.Server(endpoint.Server, cluster).ToString().TrimEnd('/')];
        if (run.ContextName is { } context)
        {
            all.AddRange(["--context", context]);
        }

        if (endpoint.ServerName is { } name)
        {
            all.AddRange(["--tls-server-name", name]); // another server would make it forget the kubeconfig's
        }

        return (ExitCode)await run.World.Run(kubectl, [.. all, .. arguments], cancellation).ConfigureAwait(false);
    }

    private static string? Find(string? path) => path?.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        .Select(folder => Path.Combine(folder, OperatingSystem.IsWindows() ? Kubectl + ".exe" : Kubectl)).FirstOrDefault(File.Exists);
}
