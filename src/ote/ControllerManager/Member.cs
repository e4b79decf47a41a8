using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Kube.Leases;
using Ote.Kube.Objects;

namespace Ote.Roles.ControllerManager;

/// <summary>One controller manager, as its lease tells of it.</summary>
/// <param name="Slot">Which of the members' leases that is.</param>
/// <param name="Id">Of its data directory: the same after a restart.</param>
/// <param name="AuthorityPem">By which its serving certificate is known.</param>
/// <param name="Shards">Among how many shards it divides clusters.</param>
/// <param name="Lease">Its lease: who it is in this run, where it is, and since when.</param>
internal sealed record Member(int Slot, string Id, string AuthorityPem, int Shards, LeaseRecord Lease)
{
    private const string IdKey = "ote.baidu.com/member";
    private const string AuthorityKey = "ote.baidu.com/authority";
    private const string ShardsKey = "ote.baidu.com/shards";

    /// <summary>Reads a lease.</summary>
    public static Member Of(int slot, JsonObject lease) => new(
        slot, lease.Annotation(IdKey) ?? "", lease.Annotation(AuthorityKey) ?? "",
        int.TryParse(lease.Annotation(ShardsKey), NumberStyles.None, CultureInfo.InvariantCulture, out var shards) ? shards : 0, LeaseRecord.Of(lease));

    /// <summary>Writes it into a lease; what others put there stays.</summary>
    public void Write(JsonObject lease, DateTimeOffset? acquired)
    {
        Lease.Write(lease, acquired);
        var annotations = lease.Child("metadata").Child("annotations");
        annotations[IdKey] = Id;
        annotations[AuthorityKey] = AuthorityPem;
        annotations[ShardsKey] = Shards.ToString(CultureInfo.InvariantCulture);
    }
}
