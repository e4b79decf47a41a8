using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Kube.Leases;

/// <summary>What a <c>Lease</c> says of leadership.</summary>
/// <param name="Holder">Who leads; empty: nobody.</param>
/// <param name="Address">Where the leader is to be found, in its own words.</param>
/// <param name="Term">Which leadership this is: each is greater than all before it.</param>
/// <param name="Renewed">When it was renewed, by the leader's clock: only ever compared with itself.</param>
/// <param name="Duration">How long it is to be left alone.</param>
public sealed record LeaseRecord(string Holder, string Address, long Term, string Renewed, TimeSpan Duration)
{
    private const string AddressKey = "ote.baidu.com/address";
    private const string TermKey = "ote.baidu.com/term";

    /// <summary>Reads an object; what is missing in it counts as empty.</summary>
    public static LeaseRecord Of(JsonObject lease) => new(
        lease.Text("spec", "holderIdentity") ?? "",
        lease.Annotation(AddressKey) ?? "",
        long.TryParse(lease.Annotation(TermKey), NumberStyles.None, CultureInfo.InvariantCulture, out var term) ? term : 0,
        lease.Text("spec", "renewTime") ?? "",
        TimeSpan.FromSeconds(lease.Whole("spec", "leaseDurationSeconds") ?? 0));

    /// <summary>Writes it into an object. What others put there stays.</summary>
    /// <param name="lease">The object.</param>
    /// <param name="acquired">When this term began; null: it goes on.</param>
    public void Write(JsonObject lease, DateTimeOffset? acquired)
    {
        var spec = lease.Child("spec");
        spec["holderIdentity"] = Holder;
        spec["leaseDurationSeconds"] = (long)Math.Max(1, Duration.TotalSeconds);
        spec["renewTime"] = Renewed;
        if (acquired is { } at)
        {
            spec["acquireTime"] = Micro(at);
            spec["leaseTransitions"] = (lease.Whole("spec", "leaseTransitions") ?? 0) + 1;
        }

        var annotations = lease.Child("metadata").Child("annotations");
        annotations[AddressKey] = Address;
        annotations[TermKey] = Term.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>A time as leases carry it.</summary>
    internal static string Micro(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);
}
