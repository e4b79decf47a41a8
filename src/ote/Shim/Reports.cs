using Ote.Kube.Client;
using Ote.Mirror.Reporting;
using Ote.Roles.Hosting;
using Ote.Shim;

namespace Ote.Roles.Shim;

/// <summary>Has a shim report what there is in its cluster.</summary>
internal static class Reports
{
    /// <summary>Stands for all kinds that are reported unless told otherwise.</summary>
    private const string Usual = "default";

    /// <summary>Reads <c>--report</c>; null: the default kinds.</summary>
    /// <exception cref="RoleException">One of them is no kind.</exception>
    public static IReadOnlyList<ReportedKind>? Kinds(IReadOnlyList<string> texts)
    {
        if (texts.Count == 0)
        {
            return null;
        }

        var kinds = new Dictionary<string, ReportedKind>(StringComparer.Ordinal);
        foreach (var text in texts)
        {
            if (text == Usual)
            {
                foreach (var usual in ReportedKinds.Default)
                {
                    kinds[usual.Stream] = usual;
                }

                continue;
            }

            if (!ReportedKind.TryParse(text, out var kind, out var error))
            {
                throw new RoleException($"--report: {error}");
            }

            kinds[kind.Stream] = kind;
        }

        return [.. kinds.Values];
    }

    /// <summary>Puts reports beside what a shim does.</summary>
    /// <exception cref="RoleException">The folder cannot be used.</exception>
    public static IClusterShim Around(IClusterShim shim, KubeEndpoint endpoint, string folder, IReadOnlyList<ReportedKind>? kinds, RoleHost host)
    {
        try
        {
            return ReportingShim.Around(shim, endpoint.CreateHttpClient(host.Time), folder, kinds, host.Time, host.Random, host.Loggers.CreateLogger("Ote.Mirror.Reporting"));
        }
        catch (Exception unusable) when (unusable is IOException or UnauthorizedAccessException)
        {
            throw new RoleException($"the directory of reports {folder} cannot be used: {unusable.Message}");
        }
    }
}
