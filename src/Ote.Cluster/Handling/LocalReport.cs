using System.Globalization;
using Ote.Protocol.Reports;
using Wire = Ote.Protocol.Tunnel;

namespace Ote.Cluster.Handling;

/// <summary>What a cluster tells of the managed cluster behind it: for people. Immutable.</summary>
/// <param name="IsReachable">Whether the managed cluster answers, and its shim.</param>
/// <param name="Text">Why not, for people; empty when it does.</param>
/// <param name="Since">Unix seconds by the site's clock, since when it is so; at the earliest since its controller started.</param>
/// <param name="Version">Of the managed cluster; empty: not known.</param>
/// <param name="Figures">What the managed cluster has; null: it does not tell. Not to be changed.</param>
/// <param name="Reports">Whether the shim reports what there is in the cluster; null: not known.</param>
/// <param name="ReportsLack">Which kinds it is to report and the cluster has not, for people; empty: none. At most <see cref="MaxLack"/> characters.</param>
public sealed record LocalReport(bool IsReachable, string Text, long Since, string Version = "", ClusterSummary? Figures = null, bool? Reports = null, string ReportsLack = "")
{
    /// <summary>Characters of a text, at most.</summary>
    public const int MaxText = 256;

    /// <summary>Characters of what is said of kinds that are not there, at most.</summary>
    public const int MaxLack = 1024;

    private const int MaxVersion = 64;
    private const ulong MostLagMilliseconds = 365UL * 86_400_000;
    private const int MostResources = 16;
    private const int MaxResourceName = 128;
    private const uint MostOfAKind = 10_000_000;
    private const long MostAmount = 1L << 53;
    private const long LastSecond = 253_402_300_799; // of the year 9999

    /// <summary>How long changes take to be reported, see <see cref="ClusterSummary.ReportLagMilliseconds"/>; null: not measured. At most a year, whatever was told.</summary>
    public TimeSpan? Lag => Figures is { ReportLagMilliseconds: > 0 and var told } ? TimeSpan.FromMilliseconds(Math.Min(told - 1, MostLagMilliseconds)) : null;

    /// <summary>When it became so; never later than now, whatever the site's clock says.</summary>
    public DateTimeOffset SinceBy(DateTimeOffset now) => DateTimeOffset.FromUnixTimeSeconds(Math.Min(Since, now.ToUnixTimeSeconds()));

    internal static LocalReport? From(Wire.LocalReport? wire) => wire is null ? null : new LocalReport(
        wire.Reachable, Short(wire.Text), (long)Math.Min(wire.SinceUnixSeconds, LastSecond), wire.ClusterVersion.Length <= MaxVersion ? wire.ClusterVersion : wire.ClusterVersion[..MaxVersion],
        IsSound(wire.Summary) ? wire.Summary : null,
        wire.Reporting switch { Wire.LocalReport.Types.Reporting.Told => true, Wire.LocalReport.Types.Reporting.Silent => false, _ => null },
        Short(wire.ReportsLack, MaxLack));

    /// <summary>Whether figures are of a possible cluster. Those of no possible one count as not told: whoever told them deceives, and sums must stay sums.</summary>
    internal static bool IsSound(ClusterSummary? figures) =>
        figures is not null && figures.Nodes <= MostOfAKind && figures.Pods <= MostOfAKind && figures.NodesReady <= figures.Nodes && figures.PodsReady <= figures.Pods
        && (ulong)figures.PodsPending + figures.PodsRunning + figures.PodsSucceeded + figures.PodsFailed <= figures.Pods
        && figures.Resources.Count <= MostResources && figures.Resources.DistinctBy(r => r.Name).Count() == figures.Resources.Count
        && figures.Resources.All(r => r.Name.Length is > 0 and <= MaxResourceName
            && r.Capacity is >= 0 and <= MostAmount && r.Allocatable is >= 0 and <= MostAmount && r.Requested is >= 0 and <= MostAmount && r.Used is >= 0 and <= MostAmount);

    internal static string Short(string text, int most = MaxText) => text.Length <= most ? text : text[..most];

    internal Wire.LocalReport ToWire() => new()
    {
        Reachable = IsReachable, Text = Text, SinceUnixSeconds = (ulong)Math.Max(0, Since), ClusterVersion = Version, Summary = Figures,
        Reporting = Reports switch { true => Wire.LocalReport.Types.Reporting.Told, false => Wire.LocalReport.Types.Reporting.Silent, null => Wire.LocalReport.Types.Reporting.Unknown },
        ReportsLack = ReportsLack,
    };

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{(IsReachable ? "reachable" : Text)} since {Since}");
}
