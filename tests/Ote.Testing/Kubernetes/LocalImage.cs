using System.Formats.Tar;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Ote.Testing.Kubernetes;

/// <summary>A container image made here, since no registry is reached: one layer with a static busybox and links to its commands.</summary>
public static class LocalImage
{
    /// <summary>For pods: <c>imagePullPolicy: Never</c>, a command of busybox's such as <c>httpd -f -p 8080</c>.</summary>
    public const string Name = "docker.io/library/busybox:local";

    /// <summary>The same image as what holds a pod's namespaces.</summary>
    public const string Pause = "docker.io/library/pause:local";

    private static readonly string[] Commands = ["sh", "sleep", "httpd", "cat", "wget", "nc", "ls", "echo", "env", "hostname", "true", "false", "tar", "sha256sum", "head", "wc", "dd", "rm"];

    /// <summary>Writes a docker-archive that carries the image under these names.</summary>
    public static void Write(string path, IEnumerable<string> names)
    {
        byte[] layer = Layer();
        string layerId = Hash(layer);
        byte[] config = Encoding.UTF8.GetBytes(new JsonObject
        {
            ["architecture"] = System.Runtime.InteropServices.RuntimeInformation.OSArchitecture == System.Runtime.InteropServices.Architecture.Arm64 ? "arm64" : "amd64",
            ["os"] = "linux",
            ["config"] = new JsonObject { ["Entrypoint"] = new JsonArray("/bin/sleep"), ["Cmd"] = new JsonArray("infinity"), ["Env"] = new JsonArray("PATH=/bin") },
            ["rootfs"] = new JsonObject { ["type"] = "layers", ["diff_ids"] = new JsonArray($"sha256:{layerId}") },
        }.ToJsonString());
        JsonArray manifest = [new JsonObject
        {
            ["Config"] = $"{Hash(config)}.json",
            ["RepoTags"] = new JsonArray([.. names.Select(name => JsonValue.Create(name))]),
            ["Layers"] = new JsonArray($"{layerId}/layer.tar"),
        }];
        using FileStream file = File.Create(path);
        using TarWriter tar = new(file, TarEntryFormat.Ustar);
        Add(tar, $"{layerId}/layer.tar", layer);
        Add(tar, $"{Hash(config)}.json", config);
        Add(tar, "manifest.json", Encoding.UTF8.GetBytes(manifest.ToJsonString()));
    }

    private static byte[] Layer()
    {
        using MemoryStream buffer = new();
        using (TarWriter tar = new(buffer, TarEntryFormat.Ustar, leaveOpen: true))
        {
            foreach (string folder in (string[])["bin/", "tmp/", "www/"])
                tar.WriteEntry(new UstarTarEntry(TarEntryType.Directory, folder) { Mode = (UnixFileMode)0x1FF });
            string busybox = File.Exists("/bin/busybox") ? "/bin/busybox" : "/usr/bin/busybox";
            Add(tar, "bin/busybox", File.ReadAllBytes(busybox), executable: true);
            foreach (string command in Commands)
                tar.WriteEntry(new UstarTarEntry(TarEntryType.SymbolicLink, "bin/" + command) { LinkName = "busybox" });
        }
        return buffer.ToArray();
    }

    private static void Add(TarWriter tar, string name, byte[] content, bool executable = false)
    {
        using MemoryStream data = new(content);
        tar.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, name) { DataStream = data, Mode = (UnixFileMode)(executable ? 0x1ED : 0x1A4) });
    }

    private static string Hash(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));
}
