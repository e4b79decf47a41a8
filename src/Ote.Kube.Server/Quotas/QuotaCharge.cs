using Ote.Kube.Server.Http;
using Ote.Kube.Server.Schema.Validation;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Quotas;

/// <summary>What a write was granted by quotas, while it is under way: it is given back unless the object was stored. Not thread-safe.</summary>
internal sealed class QuotaCharge(QuotaLedger ledger, string ns, IDisposable turn, Action<string> recount) : IAsyncDisposable
{
    private readonly List<(string Quota, IReadOnlyDictionary<string, Amount> Granted)> _granted = [];

    /// <summary>The object is stored: what was granted is used.</summary>
    public void Stored() => _granted.Clear();

    /// <summary>Has a quota grant something.</summary>
    /// <param name="quota">Its name.</param>
    /// <param name="used">Gets the quota as it is stored; returns what is used then, or throws.</param>
    /// <param name="asked">What is used more.</param>
    public async Task AddAsync(string quota, Func<Quota, IReadOnlyDictionary<string, Amount>> used, IReadOnlyDictionary<string, Amount> asked)
    {
        await ledger.WriteAsync(ns, quota, used).ConfigureAwait(false);
        _granted.Add((quota, asked));
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            foreach (var (quota, granted) in _granted)
            {
                await ledger.WriteAsync(ns, quota, current => current.Take(granted)).ConfigureAwait(false);
            }
        }
        catch (Exception failed) when (failed is ApiError or StoreFailedException or StoreBusyException)
        {
            // The write's own failure is what its caller hears of. Too much is counted now, never too little; counting mends it.
            recount(ns);
        }
        finally
        {
            turn.Dispose();
        }
    }
}
