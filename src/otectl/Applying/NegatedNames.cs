using System.Text.RegularExpressions;
using Ote.Ctl.Cli;
using Ote.Ctl.Clusters;
using Ote.Kube.Client;

namespace Ote.Ctl.Applying;

/// <summary>
/// <c>!c1</c> is about a tag with the key <c>c1</c>. Where no cluster has such a tag and one has that name, the cluster was probably to be left out, and would get
/// the command like all others.
/// </summary>
internal static partial class NegatedNames
{
    /// <summary>Warns of each such term. A selector without one costs no request, and who may not read clusters is not warned.</summary>
    internal static async Task WarnAsync(Invocation run, string selector, CancellationToken cancellation)
    {
        string[] keys = [.. Negated().Matches(selector).Select(found => found.Groups["key"].Value).Distinct(StringComparer.Ordinal)];
        if (keys.Length == 0)
        {
            return;
        }

        try
        {
            var all = await ClusterReader.AllAsync(run, cancellation).ConfigureAwait(false);
            foreach (var key in keys.Where(key => all.Any(cluster => cluster.Name == key) && !all.Any(cluster => cluster.Tags.Any(tag => tag.Split('=')[0] == key))))
            {
                run.Note($"warning: --to: '!{key}' leaves out clusters with a tag {key}, which none has, and not the cluster {key}; to leave that one out write '!({key})'");
            }
        }
        catch (Exception unreadable) when (unreadable is KubeStatusException or CtlException)
        {
            // What the command meets there is told by the command itself.
        }
    }

    [GeneratedRegex(@"!\s*(?<key>[A-Za-z0-9][A-Za-z0-9_./-]*)(?![A-Za-z0-9_./*?-])(?!\s*\()")]
    private static partial Regex Negated();
}
