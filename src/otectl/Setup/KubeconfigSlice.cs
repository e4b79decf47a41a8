using System.Text.Json.Nodes;
using Ote.Ctl.Live;
using Ote.Kube.Objects;

namespace Ote.Ctl.Setup;

/// <summary>One context of a kubeconfig with the cluster and the user it names, and what can be done with that.</summary>
internal static class KubeconfigSlice
{
    private static readonly string[] Lists = ["clusters", "users", "contexts"];
    private static readonly string[] Files = ["certificate-authority", "client-certificate", "client-key"];
    private static readonly string[] Secrets = ["client-certificate-data", "client-key-data", "token", "password"];

    /// <summary>Takes a context out of a kubeconfig; what it keeps in files becomes part of it.</summary>
    /// <param name="config">The whole.</param>
    /// <param name="context">Its name, or null for the current one.</param>
    /// <param name="read">Reads a file named in the kubeconfig.</param>
    /// <exception cref="FormatException">Something is named that is not there.</exception>
    internal static JsonObject Of(JsonObject config, string? context, Func<string, byte[]> read)
    {
        var name = context ?? config.Text("current-context");
        if (string.IsNullOrEmpty(name))
        {
            throw new FormatException("it has no current-context; name one with --context");
        }

        var chosen = Entry(config, "contexts", name);
        var users = chosen.Text("context", "user") is { Length: > 0 } user ? new JsonArray(Entry(config, "users", user)) : [];
        var slice = new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Config",
            ["clusters"] = new JsonArray(Entry(config, "clusters", chosen.Text("context", "cluster") ?? "")),
            ["users"] = users,
            ["contexts"] = new JsonArray(chosen),
            ["current-context"] = name,
        };
        foreach (var part in Parts(slice))
        {
            foreach (var field in Files.Where(field => part.Text(field) is { Length: > 0 }))
            {
                part[field + "-data"] = Convert.ToBase64String(read(part.Text(field)!));
                part.Remove(field);
            }

            if (part.Text("tokenFile") is { Length: > 0 } file)
            {
                part["token"] = System.Text.Encoding.UTF8.GetString(read(file)).Trim();
                part.Remove("tokenFile");
            }
        }

        return slice;
    }

    /// <summary>The same for the API of a cluster behind the one it is of: of the same user, at <c>/clusters/NAME</c>, under names of its own, <c>NAME@CONTEXT</c>, so that both fit into one file.</summary>
    /// <exception cref="FormatException">It names no server.</exception>
    internal static JsonObject Behind(JsonObject slice, string cluster)
    {
        var behind = slice.Copy();
        var (there, context) = (behind.Items("clusters")![0]!.AsObject(), behind.Items("contexts")![0]!.AsObject());
        if (there["cluster"] is not JsonObject part || !Uri.TryCreate(part.Text("server"), UriKind.Absolute, out var server))
        {
            throw new FormatException("its cluster has no server; correct it, or choose a context with --context");
        }

        var name = $"{cluster}@{behind.Text("current-context")}";
        part["server"] = ClusterOption.Server(server, cluster).ToString();
        there["name"] = name;
        context.Child("context")["cluster"] = name;
        context["name"] = name;
        behind["current-context"] = name;
        return behind;
    }

    /// <summary>The same without what lets anyone in.</summary>
    internal static JsonObject Redact(JsonObject slice)
    {
        var shown = slice.Copy();
        foreach (var part in Parts(shown))
        {
            foreach (var field in Secrets.Where(field => part.ContainsKey(field)))
            {
                part[field] = "REDACTED";
            }

            if (part["exec"]?["env"] is JsonArray environment)
            {
                foreach (var variable in environment.OfType<JsonObject>())
                {
                    variable["value"] = "REDACTED";
                }
            }
        }

        return shown;
    }

    /// <summary>A kubeconfig with the slice's entries in place of those of the same names. Its current context is kept if it has one.</summary>
    internal static JsonObject Merge(JsonObject target, JsonObject slice)
    {
        var merged = target.Copy();
        merged["apiVersion"] ??= "v1";
        merged["kind"] ??= "Config";
        foreach (var list in Lists)
        {
            var mine = slice.Items(list)!.OfType<JsonObject>().ToArray();
            var kept = merged.Items(list)?.OfType<JsonObject>().Where(entry => mine.All(m => m.Text("name") != entry.Text("name"))) ?? [];
            merged[list] = new JsonArray([.. kept.Concat(mine).Select(entry => entry.DeepClone())]);
        }

        if (string.IsNullOrEmpty(merged.Text("current-context")))
        {
            merged["current-context"] = slice.Text("current-context");
        }

        return merged;
    }

    private static IEnumerable<JsonObject> Parts(JsonObject slice) =>
        slice.Items("clusters")!.Select(entry => entry?["cluster"]).Concat(slice.Items("users")!.Select(entry => entry?["user"])).OfType<JsonObject>();

    private static JsonObject Entry(JsonObject config, string list, string name) =>
        config.Items(list)?.OfType<JsonObject>().FirstOrDefault(entry => entry.Text("name") == name)?.Copy()
        ?? throw new FormatException($"it has no '{name}' under {list}; correct it, or choose a context with --context");
}
