using System.Text;
using System.Text.Json.Nodes;
using Ote.EdgeHub;
using Ote.Kube.Objects;
using Ote.Roles.Hosting;

namespace Ote.Node.EdgeHub;

/// <summary>The kubeconfigs by which components reach the hub: their own, with another server and its authority. Their credentials stay what they are.</summary>
internal static class ComponentKubeconfigs
{
    /// <summary>Sees to it that none takes the place of one that leads to the API server, nor of another.</summary>
    /// <exception cref="RoleException">One would.</exception>
    /// <exception cref="IOException">Others could put theirs in their place.</exception>
    public static void Check(IReadOnlyList<string> files, string folder)
    {
        foreach (var file in files)
        {
            var target = Path.GetFullPath(Path.Combine(folder, Path.GetFileName(file)));
            if (files.Any(other => Path.GetFullPath(other) == target))
            {
                throw new RoleException($"--write-kubeconfigs: {target} would take the place of the kubeconfig that leads to the API server; name another folder");
            }
        }

        if (files.GroupBy(Path.GetFileName).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            throw new RoleException($"--write-kubeconfigs: two kubeconfigs are called {twice.Key}; rename one, so that each has a file of its own there");
        }

        if (!OperatingSystem.IsWindows())
        {
            PrivateFolder.Check(folder, "--write-kubeconfigs", "kubeconfigs");
        }
    }

    /// <summary>Makes the folder that they are written to, for the owner alone.</summary>
    /// <exception cref="RoleException">It cannot be made.</exception>
    public static void Make(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        catch (Exception unusable) when (unusable is IOException or UnauthorizedAccessException)
        {
            throw new RoleException($"--write-kubeconfigs: {folder} cannot be made: {unusable.Message.TrimEnd('.')}. Name a folder that this user may make or write");
        }
    }

    /// <summary>Writes one for each file, under its name, readable by the owner alone. One that is as it has to be is left: a full disk must not take it from its component.</summary>
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
                    ["server"] = $"https://{hub.AddressOnNode}", ["certificate-authority-data"] = Convert.ToBase64String(Encoding.UTF8.GetBytes(hub.AuthorityPem)),
                };
            }

            Absolute(config, Path.GetDirectoryName(Path.GetFullPath(file))!);
            var target = Path.Combine(folder, Path.GetFileName(file));
            var text = Yaml.Write(config);
            if (File.Exists(target) && File.ReadAllText(target) == text)
            {
                continue;
            }

            var fresh = target + ".new";
            File.Delete(fresh);
            using (var stream = new FileStream(fresh, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }))
            {
                stream.Write(Encoding.UTF8.GetBytes(text));
                stream.Flush(flushToDisk: true);
            }

            File.Move(fresh, target, overwrite: true);
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
