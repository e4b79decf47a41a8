using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Cluster.Access;

/// <summary>
/// The policies a cluster's owner keeps beside its controller (<c>--command-policy</c>, <c>--message-policy</c>): documents of that kind in YAML.
/// Unlike those of an API they cannot be wrong in part, and an empty file allows nothing.
/// </summary>
internal static class PolicyFile
{
    private const int MaxBytes = 1024 * 1024;
    private const UnixFileMode WritableByOthers = UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;

    private delegate TPolicy Reader<TPolicy>(JsonObject obj, out IReadOnlyList<string> faults);

    /// <summary>Reads a file of command policies.</summary>
    /// <exception cref="FormatException">It cannot be used; the message says why and what to do.</exception>
    public static PolicySet Load(string path, string cluster) =>
        new($"cluster {cluster}'s own file", Load<CommandPolicy>("--command-policy", path, Kinds.CommandPolicies, CommandPolicy.Read), isClosed: true);

    /// <summary>Reads a file of message policies.</summary>
    /// <exception cref="FormatException">It cannot be used; the message says why and what to do.</exception>
    public static MessagePolicySet LoadMessages(string path, string cluster) =>
        new($"cluster {cluster}'s own file", Load<MessagePolicy>("--message-policy", path, Kinds.MessagePolicies, MessagePolicy.Read), isClosed: true);

    /// <summary>Reads the text of a file of command policies.</summary>
    /// <exception cref="FormatException">A document is no policy, or has faults.</exception>
    public static PolicySet Read(string text, string path, string cluster) =>
        new($"cluster {cluster}'s own file", Read<CommandPolicy>(text, "--command-policy", path, Kinds.CommandPolicies, CommandPolicy.Read), isClosed: true);

    private static List<TPolicy> Load<TPolicy>(string option, string path, ResourceRef kind, Reader<TPolicy> read)
    {
        try
        {
            if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & WritableByOthers) != 0)
            {
                throw new FormatException($"{option} {path}: others may write it, and so decide what this cluster does; chmod go-w {path}");
            }

            if (new FileInfo(path).Length > MaxBytes)
            {
                throw new FormatException($"{option} {path}: longer than {MaxBytes} bytes; write fewer, wider policies");
            }

            return Read(File.ReadAllText(path), option, path, kind, read);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            throw new FormatException($"{option} {path}: {unreadable.Message.TrimEnd('.')}; give a file that this process may read", unreadable);
        }
    }

    private static List<TPolicy> Read<TPolicy>(string text, string option, string path, ResourceRef kind, Reader<TPolicy> read)
    {
        var policies = new List<TPolicy>();
        try
        {
            foreach (var document in Yaml.Read(text))
            {
                if (document is not JsonObject obj || obj.Text("kind") != kind.Kind || obj.Text("apiVersion") != kind.ApiVersion)
                {
                    throw new FormatException($"document {policies.Count + 1} is no {kind.Kind} of {kind.ApiVersion}");
                }

                policies.Add(read(obj, out var faults));
                if (faults.Count > 0)
                {
                    throw new FormatException($"policy '{obj.Name()}': {string.Join("; ", faults)}");
                }
            }
        }
        catch (FormatException bad)
        {
            throw new FormatException($"{option} {path}: {bad.Message.TrimEnd('.')}; correct the file and start again", bad);
        }

        return policies;
    }
}
