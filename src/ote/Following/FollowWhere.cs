using System.Text;
using System.Text.Json.Nodes;
using Ote.Cluster.Reports;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Resources;

namespace Ote.Roles.Following;

/// <summary>Reads where the root's door is.</summary>
internal static class FollowWhere
{
    /// <summary>Where it is at present.</summary>
    /// <exception cref="IOException">It is not known; the message says why.</exception>
    public static async Task<FollowPlace> ReadAsync(KubeClient api, CancellationToken ct)
    {
        var space = Ote.Cluster.Handling.ClusterController.SystemNamespace;
        try
        {
            var secret = await api.GetAsync(Kinds.Secrets, space, FollowSecret.Name, ct).ConfigureAwait(false)
                ?? throw new IOException($"no root says where its reports can be followed (Secret {space}/{FollowSecret.Name}): start it with --kubeconfig and --follow-listen, and look into its log if it runs");
            return new FollowPlace(Part(secret, FollowSecret.AddressKey), Part(secret, FollowSecret.AuthorityKey), Part(secret, FollowSecret.CertificateKey), Part(secret, FollowSecret.PrivateKey));
        }
        catch (Exception away) when (away is KubeStatusException or HttpRequestException)
        {
            throw new IOException($"Secret {space}/{FollowSecret.Name}, which says where the root is, cannot be read: {away.Message}", away);
        }
        catch (FormatException unreadable)
        {
            throw new IOException($"Secret {space}/{FollowSecret.Name} cannot be read: {unreadable.Message} Delete it; the root writes it anew when it starts.", unreadable);
        }
    }

    private static string Part(JsonObject secret, string key) => secret.Text("data", key) is { Length: > 0 } text
        ? Encoding.UTF8.GetString(Convert.FromBase64String(text))
        : throw new FormatException($"it has no {key}.");
}
