using System.Globalization;
using Wire = Ote.Protocol.Tunnel;

namespace Ote.Cluster.Handling;

/// <summary>What a cluster tells of the managed cluster behind it: for people. Immutable.</summary>
/// <param name="IsReachable">Whether the managed cluster answers, and its shim.</param>
/// <param name="Text">Why not, for people; empty when it does.</param>
/// <param name="Since">Unix seconds by the site's clock, since when it is so; at the earliest since its controller started.</param>
public sealed record LocalReport(bool IsReachable, string Text, long Since)
{
    /// <summary>Characters of a text, at most.</summary>
    public const int MaxText = 256;

    private const long LastSecond = 253_402_300_799; // of the year 9999

    /// <summary>When it became so; never later than now, whatever the site's clock says.</summary>
    public DateTimeOffset SinceBy(DateTimeOffset now) => DateTimeOffset.FromUnixTimeSeconds(Math.Min(Since, now.ToUnixTimeSeconds()));

    internal static LocalReport? From(Wire.LocalReport? wire) => wire is null ? null : new LocalReport(
        wire.Reachable, Short(wire.Text), (long)Math.Min(wire.SinceUnixSeconds, LastSecond));

    internal static string Short(string text) => text.Length <= MaxText ? text : text[..MaxText];

    internal Wire.LocalReport ToWire() => new() { Reachable = IsReachable, Text = Text, SinceUnixSeconds = (ulong)Math.Max(0, Since) };

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{(IsReachable ? "reachable" : Text)} since {Since}");
}
