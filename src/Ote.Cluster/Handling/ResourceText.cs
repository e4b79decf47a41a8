using System.Globalization;

namespace Ote.Cluster.Handling;

/// <summary>Amounts of resources as Kubernetes writes them.</summary>
internal static class ResourceText
{
    private static readonly string[] Units = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

    /// <summary>Of cpu, given in thousandths, <c>4</c> or <c>250m</c>; of memory and storage the largest unit of which it is a whole number, <c>16Gi</c>; of others the number.</summary>
    public static string Of(string resource, long amount)
    {
        if (resource == "cpu")
        {
            return amount % 1000 == 0 ? (amount / 1000).ToString(CultureInfo.InvariantCulture) : string.Create(CultureInfo.InvariantCulture, $"{amount}m");
        }

        var unit = 0;
        if (resource is "memory" or "ephemeral-storage" || resource.StartsWith("hugepages-", StringComparison.Ordinal))
        {
            for (; amount != 0 && amount % 1024 == 0 && unit < Units.Length - 1; unit++)
            {
                amount /= 1024;
            }
        }

        return string.Create(CultureInfo.InvariantCulture, $"{amount}{Units[unit]}");
    }
}
