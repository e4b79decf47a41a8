using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Http;
using Ote.Kube.Server.Lifecycle;
using Ote.Kube.Server.Schema.Validation;

namespace Ote.Kube.Server.Quotas;

/// <summary>
/// What kube-apiserver's plugin ResourceQuota does: what a write uses is added to the quotas' status before the object is stored, and refused when a quota does not allow it.
/// Namespaces without quotas pay one look into a table. Thread-safe.
/// </summary>
/// <param name="table">Who has quotas.</param>
/// <param name="ledger">The quotas.</param>
/// <param name="counts">Whether this server counts; else a kube-controller-manager does, and what it has not counted yet is not limited yet.</param>
/// <param name="time">The clock.</param>
internal sealed class QuotaAdmission(QuotaTable table, QuotaLedger ledger, bool counts, TimeProvider time)
{
    /// <summary>Told of a namespace that has to be counted anew, because what was granted could not be given back. Set before the first write.</summary>
    public Action<string> Recount { get; set; } = static _ => { };

    /// <summary>Charges a write. What is returned is to be told how the write ended, by <see cref="QuotaCharge.Stored"/>, and to be disposed then.</summary>
    /// <param name="context">The write.</param>
    /// <param name="obj">The object as it is about to be stored.</param>
    /// <param name="old">As it is stored; null when it is new.</param>
    /// <returns>The charge; null when no quota asks.</returns>
    /// <exception cref="ApiError">403: a quota does not allow it.</exception>
    public async Task<QuotaCharge?> ChargeAsync(WriteContext context, JsonObject obj, JsonObject? old)
    {
        var ns = context.Kind.Namespaced ? context.Namespace : "";
        var resource = ServedCatalog.ResourceOf(context.Kind);
        // As in the real server, changes count of Services and claims alone: nothing else can come to use more.
        if (!table.Has(ns) || context.Subresource is not null || (old is not null && resource is not (QuotaUsage.Services or QuotaUsage.Claims)))
        {
            return null;
        }

        var asked = Asked(resource, obj, old);
        if (asked.Count == 0)
        {
            return null;
        }

        var charge = new QuotaCharge(ledger, ns, await ledger.TurnAsync(ns).ConfigureAwait(false), Recount);
        try
        {
            var quotas = await ledger.ReadAsync(ns).ConfigureAwait(false);
            if (counts && quotas.Exists(quota => !quota.IsCounted))
            {
                await ledger.CountAsync(ns, CancellationToken.None).ConfigureAwait(false);
                quotas = await ledger.ReadAsync(ns).ConfigureAwait(false);
            }

            // First all are asked, so that one that refuses leaves the others as they are.
            var concerned = quotas.FindAll(quota => Quota.Of(resource, quota.Hard.Keys).Count > 0 && quota.Covers(resource, obj));
            concerned.ForEach(quota => Granted(context, obj, resource, quota, asked));
            foreach (var quota in context.DryRun ? [] : concerned)
            {
                await charge.AddAsync(quota.Name, current => Granted(context, obj, resource, current, asked), asked).ConfigureAwait(false);
            }

            return charge;
        }
        catch
        {
            await charge.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Something new is stored that was not charged: if its namespace was given a quota in the meantime, it may have been counted without.</summary>
    public void Uncharged(WriteContext context)
    {
        if (context.Kind.Namespaced && table.Has(context.Namespace))
        {
            Recount(context.Namespace);
        }
    }

    private static IReadOnlyDictionary<string, Amount> Granted(WriteContext context, JsonObject obj, string resource, Quota quota, IReadOnlyDictionary<string, Amount> asked)
    {
        if (resource == QuotaUsage.Pods && PodUsage.Unnamed(obj, quota.Hard.Keys) is { } unnamed)
        {
            throw ApiError.Forbidden(context.Kind, obj.Name(), $"failed quota: {quota.Name}: {unnamed}");
        }

        var (used, refusal) = quota.Grant(resource, asked);
        return refusal is null ? used : throw ApiError.Forbidden(context.Kind, obj.Name(), refusal);
    }

    /// <summary>What is used more than before. What is used less is counted when it is stored.</summary>
    private Dictionary<string, Amount> Asked(string resource, JsonObject obj, JsonObject? old)
    {
        var now = time.GetUtcNow();
        var asked = QuotaUsage.Of(resource, obj, now);
        if (old is null)
        {
            return asked;
        }

        var before = QuotaUsage.Of(resource, old, now);
        return asked.Select(a => (a.Key, Value: before.TryGetValue(a.Key, out var had) ? a.Value.Minus(had) : a.Value)).Where(a => a.Value.Value > 0)
            .ToDictionary(a => a.Key, a => a.Value, StringComparer.Ordinal);
    }
}
