using System.Text.Json;
using System.Text.Json.Nodes;
using Ote.Cluster.Routing;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Center.Up;

/// <summary>
/// What a tree is made of. It stands in the data directory, so that the next <c>up</c> makes the same tree again: a cluster that the root
/// knows and nobody starts would never answer.
/// </summary>
/// <param name="Clusters">Embedded leaf clusters.</param>
/// <param name="Real">Real clusters at leaves: name and full path of the kubeconfig.</param>
internal sealed record TreeMake(int Clusters, IReadOnlyList<(string Name, string Kubeconfig)> Real)
{
    private const string FileName = "up.json";
    private const int UsualClusters = 4;

    /// <summary>What is asked for, and what there was before. Pure.</summary>
    /// <exception cref="UpException">The tree there is has more embedded clusters than are asked for.</exception>
    public static TreeMake Of(UpOptions options, TreeMake? before)
    {
        if (before is not null && options.Clusters < before.Clusters)
        {
            throw new UpException(
                $"--clusters {options.Clusters}: the tree in {options.Data} has {before.Clusters} embedded clusters; leave --clusters out to have it again, or choose another --data");
        }

        var real = (before?.Real ?? []).Where(b => options.Real.All(r => r.Name != b.Name)).Concat(options.Real.Select(r => (r.Name, Path.GetFullPath(r.Kubeconfig))));
        return new TreeMake(options.Clusters ?? before?.Clusters ?? UsualClusters, [.. real]);
    }

    /// <summary>Looks for what would fail later, before anything has started.</summary>
    /// <exception cref="UpException">A name cannot be used, or there is no leaf.</exception>
    /// <exception cref="KubeconfigException">A kubeconfig cannot be used.</exception>
    public void Check()
    {
        if (Clusters + Real.Count == 0)
        {
            throw new UpException("--clusters 0: there is no leaf to send the workload to; ask for 1 to 5000, or put a real cluster at a leaf with --kubeconfig NAME=FILE");
        }

        var others = TreePlan.Make(Clusters + Real.Count, []).Where(p => !p.IsLeaf).Select(p => p.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var (name, kubeconfig) in Real)
        {
            if (ClusterName.CheckChild(name) is { } fault)
            {
                throw new UpException($"--kubeconfig {name}={kubeconfig}: {fault}");
            }

            if (!others.Add(name))
            {
                throw new UpException($"--kubeconfig {name}={kubeconfig}: the tree has another cluster '{name}'; choose another name");
            }

            _ = Kubeconfig.Load(kubeconfig);
        }
    }

    /// <summary>What the tree in a data directory is made of; null when there is none.</summary>
    /// <exception cref="UpException">The file there cannot be read.</exception>
    public static TreeMake? Read(string data)
    {
        var file = Path.Combine(data, FileName);
        if (!File.Exists(file))
        {
            return null;
        }

        try
        {
            var made = JsonNode.Parse(File.ReadAllText(file)) as JsonObject ?? throw new JsonException("it is no object");
            return new TreeMake(
                (int)(made.Whole("clusters") ?? throw new JsonException("it has no 'clusters'")),
                [.. (made["kubeconfigs"] as JsonObject ?? []).Select(r => (r.Key, r.Value?.GetValue<string>() ?? ""))]);
        }
        catch (Exception damaged) when (damaged is JsonException or InvalidOperationException)
        {
            throw new UpException($"{file} cannot be read: {damaged.Message} Delete it, and name the tree's clusters with --clusters and --kubeconfig.", damaged);
        }
    }

    /// <summary>Keeps it in the data directory, whole or not at all.</summary>
    public void Write(string data)
    {
        var file = Path.Combine(data, FileName);
        var made = new JsonObject { ["clusters"] = Clusters, ["kubeconfigs"] = new JsonObject(Real.Select(r => KeyValuePair.Create(r.Name, (JsonNode?)r.Kubeconfig))) };
        File.WriteAllText(file + ".new", made.ToJsonString() + "\n");
        File.Move(file + ".new", file, overwrite: true);
    }
}
