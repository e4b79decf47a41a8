using System.CommandLine;
using Ote.Cluster.Routing;
using Ote.Ctl.Cli;

namespace Ote.Ctl.Live;

/// <summary><c>--cluster NAME</c>: that cluster's own API, behind <c>/clusters/NAME</c> of the one of the kubeconfig, in place of that.</summary>
internal static class ClusterOption
{
    internal static Option<string?> Create(string description)
    {
        var option = new Option<string?>("--cluster") { Description = description, HelpName = "NAME" };
        option.CompletionSources.Add(Completions.Clusters);
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && ClusterName.Check(result.Tokens[0].Value) is { } fault)
            {
                result.AddError($"--cluster: {fault}");
            }
        });
        return option;
    }

    /// <summary>What stands before a path at the API of the kubeconfig; empty where no cluster is named.</summary>
    internal static string Prefix(string? cluster) => cluster is null ? "" : $"clusters/{cluster}/";

    /// <summary>The address of a cluster's API.</summary>
    internal static Uri Server(Uri server, string? cluster) => cluster is null ? server : new Uri($"{server.ToString().TrimEnd('/')}/clusters/{cluster}");

    /// <summary>The object as people call it in messages.</summary>
    internal static string At(string? cluster) => cluster is null ? "" : $" of cluster {cluster}";
}
