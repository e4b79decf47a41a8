using System.Text;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Node.EdgeHub;

/// <summary>The kubeconfigs by which components reach the hub: their own, with another server and its authority. Their credentials stay what they are.</summary>
internal static class ComponentKubeconfigs
{
    /// <summary>Writes one for each file, under its name, readable by the owner alone.</summary>
    /// <param name="files">Those that lead to the API server.</param>
    /// <param name="folder">Where to; made when it is not there.</param>
    /// <param name="hub">Where they are to lead.</param>
    /// <exception cref="IOException">One cannot be written.</exception>
    public static void Write(IEnumerable<string> files, string folder, Ote.EdgeHub.EdgeHub hub)
    {
        Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        foreach (var file in files)
        {
            var config = Yaml.ReadObject(File.ReadAllText(file));
            foreach (var cluster in config.Items("clusters")?.OfType<JsonObject>() ?? [])
            {
                cluster["cluster"] = new JsonObject
                {
                    ["server"] = $"https://{hub.Address}", ["certificate-authority-data"] = Convert.ToBase64String(Encoding.UTF8.GetBytes(hub.AuthorityPem)),
                };
            }

            Absolute(config, Path.GetDirectoryName(Path.GetFullPath(file))!);
            var target = Path.Combine(folder, Path.GetFileName(file));
            File.Delete(target);
            using var stream = new FileStream(target, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite });
            stream.Write(Encoding.UTF8.GetBytes(Yaml.Write(config)));
        }
    }

    /// <summary>Files that are named from the kubeconfig's own folder would be looked for in the new one.</summary>
    private static void Absolute(JsonObject config, string folder)
    {
        foreach (var user in config.Items("users")?.Select(user => user?["user"]).OfType<JsonObject>() ?? [])
        {
            foreach (var name in (string[])["client-certificate", "client-key", "tokenFile"])
            {
                if (user.Text(name) is { Length: > 0 } path)
                {
                    user[name] = Path.GetFullPath(path, folder);
                }
            }
        }
    }
}
