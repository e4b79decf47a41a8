using Ote.Cluster.Routing;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Handling;

/// <summary>
/// Holds a receipt against what a cluster can say at all, where it comes in from a child: what makes no sense is dropped, what is only too
/// long or of an impossible time is cut, so that whoever handles it further up meets nothing that it cannot keep. Pure.
/// </summary>
internal static class ReceiptCheck
{
    private const int MaxUid = 256;
    private const int MaxError = 64;
    private static readonly long LatestTime = DateTimeOffset.MaxValue.ToUnixTimeMilliseconds();

    /// <summary>Why a receipt means nothing; null when it can be taken.</summary>
    public static string? Objection(Receipt receipt) =>
        receipt.Stage == Stage.Unspecified || !Enum.IsDefined(receipt.Stage) ? $"{(int)receipt.Stage} is no stage of a command"
        : receipt.Code < 0 ? $"{receipt.Code} is no answer's code"
        : receipt.CommandUid.Length is 0 or > MaxUid ? $"a command's uid has 1 to {MaxUid} characters, not {receipt.CommandUid.Length}"
        : ClusterName.Check(receipt.Entry);

    /// <summary>Puts into bounds what can be: a time that is none becomes this clock's.</summary>
    /// <param name="receipt">Is changed.</param>
    /// <param name="now">The time here.</param>
    /// <returns>What was out of bounds; null when nothing was.</returns>
    public static string? Mend(Receipt receipt, DateTimeOffset now)
    {
        string? fault = null;
        if (receipt.AtUnixMilliseconds < 0 || receipt.AtUnixMilliseconds > LatestTime)
        {
            fault = $"{receipt.AtUnixMilliseconds} is no time";
            receipt.AtUnixMilliseconds = now.ToUnixTimeMilliseconds();
        }

        if (receipt.Body.Length > ReceiptBody.MaxBytes)
        {
            fault ??= $"an answer of {receipt.Body.Length} bytes; {ReceiptBody.MaxBytes} travel";
            (receipt.Body, receipt.Truncated) = (ReceiptBody.Fit(receipt.Body).Body, true);
        }

        var (text, error, type) = (ReceiptBody.Text(receipt.Text), ReceiptBody.Clip(receipt.Error, MaxError), ReceiptBody.ContentType(receipt.ContentType));
        if (text.Length != receipt.Text.Length || error.Length != receipt.Error.Length || type.Length != receipt.ContentType.Length)
        {
            fault ??= "longer words than any cluster's";
            (receipt.Text, receipt.Error, receipt.ContentType) = (text, error, type);
        }

        return fault;
    }
}
