using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Ctl.Setup;

/// <summary>Kubeconfig files on disk. They hold keys: nobody but their owner may read what is written here.</summary>
internal static class KubeconfigFile
{
    /// <summary>Where the control API is, by this file.</summary>
    /// <exception cref="KubeconfigException">It is not there, which is what who is new meets first, or of no use.</exception>
    internal static KubeEndpoint Load(string path, string? context)
    {
        try
        {
            return Kubeconfig.Load(path, context);
        }
        catch (KubeconfigException missing) when (missing.InnerException is { } cause && IsMissing(path, cause))
        {
            throw Missing(path, cause);
        }
    }

    internal static JsonObject Read(string path)
    {
        try
        {
            return Yaml.ReadObject(File.ReadAllText(path));
        }
        catch (IOException cause) when (IsMissing(path, cause))
        {
            throw Missing(path, cause);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException or FormatException)
        {
            throw new KubeconfigException(
                $"kubeconfig {path}: {unreadable.Message.TrimEnd('.')}; name a readable one with --kubeconfig", unreadable);
        }
    }

    /// <summary>Replaces the file at once: a reader sees the old one or the new one.</summary>
    internal static void Write(string path, JsonObject config)
    {
        var full = Path.GetFullPath(path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        var temporary = $"{full}.{Environment.ProcessId}.tmp";
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        using (var writer = new StreamWriter(temporary, options))
        {
            writer.Write(Yaml.Write(config));
        }

        File.Move(temporary, full, overwrite: true);
    }

    // The file itself, not one of a certificate that it names.
    private static bool IsMissing(string path, Exception cause) => cause is FileNotFoundException or DirectoryNotFoundException && !File.Exists(path);

    private static KubeconfigException Missing(string path, Exception cause) => new(
        $"kubeconfig {path}: there is no such file; name one with --kubeconfig or $KUBECONFIG, such as the root's own, whose path it prints at its start", cause);
}
