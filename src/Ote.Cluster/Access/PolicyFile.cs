using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Cluster.Access;

/// <summary>
/// The policies a cluster's owner keeps beside its controller (<c>--command-policy</c>): <c>CommandPolicy</c> documents in YAML. Unlike
/// those of an API they cannot be wrong in part, and an empty file allows nothing.
/// </summary>
internal static class PolicyFile
{
    private const int MaxBytes = 1024 * 1024;
    private const UnixFileMode WritableByOthers = UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;

    /// <summary>Reads a file.</summary>
    /// <exception cref="FormatException">It cannot be used; the message says why and what to do.</exception>
    public static PolicySet Load(string path, string cluster)
    {
        try
        {
            if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & WritableByOthers) != 0)
            {
                throw new FormatException($"--command-policy {path}: others may write it, and so decide what this cluster does; chmod go-w {path}");
            }

            if (new FileInfo(path).Length > MaxBytes)
            {
                throw new FormatException($"--command-policy {path}: longer than {MaxBytes} bytes; write fewer, wider policies");
            }

            return Read(File.ReadAllText(path), path, cluster);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            throw new FormatException($"--command-policy {path}: {unreadable.Message}", unreadable);
        }
    }

    /// <summary>Reads the text of a file.</summary>
    /// <exception cref="FormatException">A document is no policy, or has faults.</exception>
    public static PolicySet Read(string text, string path, string cluster)
    {
        var policies = new List<CommandPolicy>();
        try
        {
            foreach (var document in Yaml.Read(text))
            {
                if (document is not JsonObject obj || obj.Text("kind") != Kinds.CommandPolicies.Kind || obj.Text("apiVersion") != Kinds.CommandPolicies.ApiVersion)
                {
                    throw new FormatException($"document {policies.Count + 1} is no {Kinds.CommandPolicies.Kind} of {Kinds.CommandPolicies.ApiVersion}");
                }

                policies.Add(CommandPolicy.Read(obj, out var faults));
                if (faults.Count > 0)
                {
                    throw new FormatException($"policy '{obj.Name()}': {string.Join("; ", faults)}");
                }
            }
        }
        catch (FormatException bad)
        {
            throw new FormatException($"--command-policy {path}: {bad.Message}", bad);
        }

        return new PolicySet($"cluster {cluster}'s own file", policies, isClosed: true);
    }
}
