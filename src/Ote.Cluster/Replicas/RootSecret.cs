using System.Text;
using System.Text.Json.Nodes;
using Ote.Cluster.Handling;
using Ote.Cluster.Identity;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Cluster.Replicas;

/// <summary>
/// The root's identity in a Secret of the control API, which all replicas read. The first replica makes it: of several that are first at once the
/// API server lets one create it, and the others take what is there.
/// </summary>
public static class RootSecret
{
    /// <summary>Its name, in <see cref="ClusterController.SystemNamespace"/>.</summary>
    public const string Name = "ote-root";

    private const string Certificate = "ca.crt";
    private const string Key = "ca.key";
    private const string Uid = "uid";

    /// <summary>Reads it, or makes it.</summary>
    /// <param name="api">The control API.</param>
    /// <param name="directory">A root's directory of identity: one that is there is taken up, so that a single root can become one of several. Nothing is written to it.</param>
    /// <param name="time">The clock.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="IdentityException">It is of no use, or is another tree's than the directory.</exception>
    public static async Task<RootIdentity> LoadOrCreateAsync(KubeClient api, string directory, TimeProvider time, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(api);
        var local = Local(directory, time);
        var found = await api.GetAsync(Kinds.Secrets, ClusterController.SystemNamespace, Name, ct).ConfigureAwait(false);
        if (found is null)
        {
            try
            {
                found = await api.CreateAsync(Kinds.Secrets, ClusterController.SystemNamespace, Write(local ?? New(time)), ct).ConfigureAwait(false);
            }
            catch (KubeStatusException raced) when (raced.IsAlreadyExists)
            {
                found = await api.GetAsync(Kinds.Secrets, ClusterController.SystemNamespace, Name, ct).ConfigureAwait(false);
            }
        }

        var shared = Read(found);
        if (local is not null && local != shared)
        {
            throw new IdentityException(
                $"{directory} holds another root's identity than secret {Name} in namespace {ClusterController.SystemNamespace}; give an empty --data, or delete the secret if that root is to be the one");
        }

        return shared;
    }

    private static RootIdentity? Local(string directory, TimeProvider time)
    {
        if (!File.Exists(Path.Combine(directory, "ca.key")))
        {
            return null;
        }

        using var authority = CertificateAuthority.LoadOrCreate(directory, time);
        return Of(authority, OwnUid.LoadOrCreate(directory));
    }

    private static RootIdentity New(TimeProvider time)
    {
        using var authority = CertificateAuthority.Create(time);
        return Of(authority, Guid.NewGuid().ToString("D"));
    }

    private static RootIdentity Of(CertificateAuthority authority, string uid)
    {
        var (certificate, key) = authority.ExportPem();
        return new RootIdentity(certificate, key, uid);
    }

    private static JsonObject Write(RootIdentity identity) => new()
    {
        ["apiVersion"] = "v1",
        ["kind"] = "Secret",
        ["type"] = "ote.baidu.com/root",
        ["metadata"] = new JsonObject { ["name"] = Name, ["namespace"] = ClusterController.SystemNamespace },
        ["immutable"] = true,
        ["data"] = new JsonObject { [Certificate] = Encode(identity.CertificatePem), [Key] = Encode(identity.KeyPem), [Uid] = Encode(identity.Uid) },
    };

    private static RootIdentity Read(JsonObject? secret)
    {
        try
        {
            return new RootIdentity(Decode(Certificate), Decode(Key), Decode(Uid));
        }
        catch (FormatException broken)
        {
            throw new IdentityException($"secret {Name} in namespace {ClusterController.SystemNamespace} is of no use: {broken.Message} Restore it from a backup.", broken);
        }

        string Decode(string field) => secret.Text("data", field) is { Length: > 0 } text
            ? Encoding.UTF8.GetString(Convert.FromBase64String(text))
            : throw new FormatException($"it has no {field}.");
    }

    private static string Encode(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));
}
