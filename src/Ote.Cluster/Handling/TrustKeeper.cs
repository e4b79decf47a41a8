using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Identity;
using Ote.Cluster.Journal;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Handling;

/// <summary>
/// The newest word of the root about its CAs that this controller has seen: on its disk before it counts. It is believed when a CA that is
/// trusted already has signed it, whoever brought it. Thread-safe.
/// </summary>
internal sealed class TrustKeeper(IJournal journal, IdentitySource identity, ILogger log)
{
    private const string Book = "trust";
    private const string Key = "newest";
    private readonly SemaphoreSlim _turn = new(1, 1);

    /// <summary>Raised after it changed: children are to be told.</summary>
    public event Action<TreeTrust>? Changed;

    /// <summary>What is trusted now.</summary>
    public TreeTrust Current => identity.Trust;

    /// <summary>Takes up what the last run knew. Call once, first.</summary>
    public void Restore()
    {
        foreach (var row in journal.Load(Book))
        {
            // It was believed when it was written.
            if (TreeTrust.Read(TrustList.Parser.ParseFrom(row.Value), _ => true) is { } known)
            {
                identity.Believe(known);
            }
        }
    }

    /// <summary>Takes the root's word from whoever has it; completes when it is on disk. One that is not newer changes nothing.</summary>
    public Task ReceiveAsync(TrustList list)
    {
        if (TreeTrust.Read(list, authority => Current.Trusts(authority)) is not { } next)
        {
            log.ParentMessageRefused("word of the tree's CAs", "no CA that is trusted here has signed it");
            return Task.CompletedTask;
        }

        return PutAsync(next);
    }

    /// <summary>At the root: its own word.</summary>
    public async Task PutAsync(TreeTrust next)
    {
        await _turn.WaitAsync().ConfigureAwait(false);
        try
        {
            if (next.Version <= Current.Version || next.Signed is null)
            {
                return;
            }

            await journal.WriteAsync(JournalChange.Put(Book, Key, next.Signed.ToByteArray())).ConfigureAwait(false);
            identity.Believe(next);
        }
        finally
        {
            _turn.Release();
        }

        log.TrustChanged(string.Join(" and ", next.Authorities.Select(a => CaPin.Of(a))), next.Version);
        Changed?.Invoke(next);
    }

    /// <summary>For the route of this cluster: which CA its certificate is of, briefly.</summary>
    public static ulong Mark(X509Certificate2 authority) => Convert.ToUInt64(CaPin.Of(authority).ToString()[7..23], 16);
}
