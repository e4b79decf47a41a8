using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Access;
using Ote.Kube.Server.Http;
using Ote.Kube.Server.Lifecycle;
using Ote.Kube.Server.Schema.Validation;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Quotas;

/// <summary>
/// Reads and writes the quotas of a namespace. Who grants or counts holds the namespace's turn from reading the quotas until the object is stored, so that nothing is granted twice and
/// nothing granted is overlooked. Thread-safe.
/// </summary>
internal sealed class QuotaLedger(ObjectStore store, ObjectWriter writer, ServedCatalog served, QuotaTable table, TimeProvider time)
{
    private const int Turns = 32;
    private static readonly UserInfo Accountant = UserInfo.Component("apiserver");

    // Namespaces share turns by their hashes: as many waits as that are enough, and none is left behind.
    private readonly SemaphoreSlim[] _turns = [.. Enumerable.Range(0, Turns).Select(_ => new SemaphoreSlim(1, 1))];

    /// <summary>Waits for the namespace's turn; disposing what is returned ends it.</summary>
    public async Task<IDisposable> TurnAsync(string ns)
    {
        var turn = _turns[(uint)ns.GetHashCode(StringComparison.Ordinal) % Turns];
        await turn.WaitAsync().ConfigureAwait(false);
        return new Turn(turn);
    }

    /// <summary>The quotas as they are now, by name.</summary>
    public async Task<List<Quota>> ReadAsync(string ns)
    {
        List<Quota> quotas = [];
        foreach (var name in table.Of(ns))
        {
            if (await store.FindAsync(new StoreKey(QuotaTable.Resource, ns, name), CancellationToken.None).ConfigureAwait(false) is { } stored)
            {
                quotas.Add(Quota.Read(ObjectForm.Parse(stored.Json, served.ByResource(QuotaTable.Resource)!)));
            }
        }

        return quotas;
    }

    /// <summary>Writes what is used of a quota, computed on what is stored then. One that is gone needs nothing.</summary>
    /// <param name="ns">Its namespace.</param>
    /// <param name="name">Its name.</param>
    /// <param name="used">Gets the quota, returns what is used, and may throw instead.</param>
    /// <param name="hard">What is in force from now on; null leaves it.</param>
    public async Task WriteAsync(string ns, string name, Func<Quota, IReadOnlyDictionary<string, Amount>> used, IReadOnlyDictionary<string, Amount>? hard = null)
    {
        var context = new WriteContext(Accountant, served.ByResource(QuotaTable.Resource)!, ns) { Subresource = "status", Manager = "ote-apiserver" };
        try
        {
            await writer.UpdateAsync(context, name, quota =>
            {
                var counted = used(Quota.Read(quota));
                quota.Child("metadata").Remove("resourceVersion");
                var status = quota.Child("status");
                status["used"] = Amount.Write(counted);
                if (hard is not null)
                {
                    status["hard"] = Amount.Write(hard);
                }

                return quota;
            }).ConfigureAwait(false);
        }
        catch (ApiError gone) when (gone.Code == 404)
        {
            // It limits nothing any more.
        }
    }

    /// <summary>Counts a namespace anew and shows it. In the namespace's turn.</summary>
    /// <returns>When it has to be counted again though nothing happens until then; null: never.</returns>
    public async Task<DateTimeOffset?> CountAsync(string ns, CancellationToken cancellation)
    {
        var quotas = await ReadAsync(ns).ConfigureAwait(false);
        var totals = quotas.ConvertAll(_ => new Dictionary<string, Amount>(StringComparer.Ordinal));
        DateTimeOffset? again = null;
        foreach (var resource in quotas.SelectMany(quota => quota.Wanted.Keys).Select(QuotaUsage.ResourceOf).OfType<string>().Distinct())
        {
            if (served.ByResource(resource) is not { Namespaced: true } kind)
            {
                continue;
            }

            for (var i = 0; i < quotas.Count; i++)
            {
                // What there is none of is shown as nothing.
                Quota.Of(resource, quotas[i].Wanted.Keys).ForEach(name => totals[i][name] = Amount.Of(0));
            }

            await foreach (var page in StoreScan.PagesAsync(store, resource, ns, cancellation).ConfigureAwait(false))
            {
                foreach (var stored in page)
                {
                    var obj = ObjectForm.Parse(stored.Json, kind);
                    Add(quotas, totals, resource, obj);
                    again = resource == QuotaUsage.Pods && PodUsage.ShouldBeGone(obj) is { } gone && gone >= time.GetUtcNow() && (again is null || gone < again) ? gone : again;
                }
            }
        }

        for (var i = 0; i < quotas.Count; i++)
        {
            var counted = totals[i];
            await WriteAsync(ns, quotas[i].Name, _ => counted, quotas[i].Wanted).ConfigureAwait(false);
        }

        return again;
    }

    private void Add(List<Quota> quotas, List<Dictionary<string, Amount>> totals, string resource, JsonObject obj)
    {
        var used = QuotaUsage.Of(resource, obj, time.GetUtcNow());
        for (var i = 0; i < quotas.Count; i++)
        {
            if (!quotas[i].Covers(resource, obj))
            {
                continue;
            }

            foreach (var name in Quota.Of(resource, quotas[i].Wanted.Keys).Where(used.ContainsKey))
            {
                totals[i][name] = totals[i][name].Plus(used[name]);
            }
        }
    }

    private sealed class Turn(SemaphoreSlim turn) : IDisposable
    {
        private SemaphoreSlim? _turn = turn;

        public void Dispose() => Interlocked.Exchange(ref _turn, null)?.Release();
    }
}
