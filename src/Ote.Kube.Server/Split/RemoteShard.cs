using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Split;

/// <summary>A shard that another member holds, asked over its <see cref="ShardDoor"/>. It answers within a moment or counts as away. Thread-safe.</summary>
/// <param name="shard">Its number.</param>
/// <param name="way">The way there.</param>
/// <param name="time">The clock.</param>
internal sealed class RemoteShard(int shard, IShardWay way, TimeProvider time) : IShard
{
    /// <summary>How long an answer is waited for.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>A watch that is silent for so long is not answered any more: there are signs between.</summary>
    public static readonly TimeSpan Silence = LocalShard.Sign * 3;

    /// <inheritdoc/>
    public Task<ShardPiece> ListAsync(PageQuery query, CancellationToken cancellation)
    {
        var terms = string.Concat(query.Terms.Select(t => $"&term={Uri.EscapeDataString(t)}"));
        var ns = query.Namespace is { } one ? $"&ns={Uri.EscapeDataString(one)}" : "";
        return AskAsync(
            string.Create(CultureInfo.InvariantCulture, $"list?resource={Uri.EscapeDataString(query.Resource)}{ns}&afterNs={Uri.EscapeDataString(query.AfterNamespace)}&after={Uri.EscapeDataString(query.AfterName)}&limit={query.Limit}{At(query.At)}{terms}"),
            bytes => ShardWire.Piece(bytes, query.Resource), cancellation);
    }

    /// <inheritdoc/>
    public Task<StoredObject?> FindAsync(StoreKey key, DateTimeOffset? at, CancellationToken cancellation) => AskAsync(
        $"find?resource={Uri.EscapeDataString(key.Resource)}&ns={Uri.EscapeDataString(key.Namespace)}&name={Uri.EscapeDataString(key.Name)}{At(at)}", bytes => ShardWire.Found(bytes, key.Resource), cancellation);

    /// <inheritdoc/>
    public Task<ShardFacts> LookAsync(CancellationToken cancellation) => AskAsync("facts?", bytes => ShardWire.Facts(bytes), cancellation);

    /// <inheritdoc/>
    public async IAsyncEnumerable<ShardEvent> WatchAsync(string resource, long from, [EnumeratorCancellation] CancellationToken cancellation)
    {
        using var silent = new CancellationTokenSource(Patience, time);
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(cancellation, silent.Token);
        using var answer = await SendAsync(string.Create(CultureInfo.InvariantCulture, $"watch?resource={Uri.EscapeDataString(resource)}&from={from}"), ends.Token, cancellation).ConfigureAwait(false);
        var stream = await answer.Content.ReadAsStreamAsync(ends.Token).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            while (true)
            {
                silent.CancelAfter(Silence);
                yield return await TakeAsync(stream, resource, ends.Token, cancellation).ConfigureAwait(false);
            }
        }
    }

    private static string At(DateTimeOffset? at) => at is { } moment ? string.Create(CultureInfo.InvariantCulture, $"&at={moment.ToUnixTimeMilliseconds()}") : "";

    private async Task<ShardEvent> TakeAsync(Stream stream, string resource, CancellationToken ends, CancellationToken asked)
    {
        try
        {
            var head = new byte[sizeof(int)];
            await stream.ReadExactlyAsync(head, ends).ConfigureAwait(false);
            var length = BinaryPrimitives.ReadInt32LittleEndian(head);
            var body = length is > 0 and <= ShardWire.MostBytes ? new byte[length] : throw new IOException("what it wrote cannot be read; do all members run the same version?");
            await stream.ReadExactlyAsync(body, ends).ConfigureAwait(false);
            return ShardWire.Event(body, resource);
        }
        catch (Exception broken) when (IsBroken(broken) || IsLate(broken, asked))
        {
            throw Away(broken);
        }
    }

    private async Task<T> AskAsync<T>(string what, Func<byte[], T> read, CancellationToken cancellation)
    {
        using var late = new CancellationTokenSource(Patience, time);
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(cancellation, late.Token);
        using var answer = await SendAsync(what, ends.Token, cancellation).ConfigureAwait(false);
        try
        {
            return read(await answer.Content.ReadAsByteArrayAsync(ends.Token).ConfigureAwait(false));
        }
        catch (Exception broken) when (IsBroken(broken) || IsLate(broken, cancellation))
        {
            throw Away(broken);
        }
    }

    private async Task<HttpResponseMessage> SendAsync(string what, CancellationToken ends, CancellationToken asked)
    {
        HttpResponseMessage? answer = null;
        try
        {
            var path = string.Create(CultureInfo.InvariantCulture, $"{ShardDoor.Prefix}{shard}/{what}&of={way.Count}");
            answer = await way.To(shard).GetAsync(path, HttpCompletionOption.ResponseHeadersRead, ends).ConfigureAwait(false);
            if (answer.IsSuccessStatusCode)
            {
                return answer;
            }

            var text = await answer.Content.ReadAsStringAsync(ends).ConfigureAwait(false);
            if (answer.StatusCode == HttpStatusCode.Gone && text.Split(' ') is [var first, var second]
                && long.TryParse(first, CultureInfo.InvariantCulture, out var before) && long.TryParse(second, CultureInfo.InvariantCulture, out var oldest))
            {
                throw new RevisionExpiredException(before, oldest);
            }

            throw new ShardAwayException($"shard {shard}: {text.Trim()} ({(int)answer.StatusCode})");
        }
        catch (Exception fault)
        {
            answer?.Dispose();
            if (fault is not ShardAwayException && (IsBroken(fault) || IsLate(fault, asked)))
            {
                throw Away(fault);
            }

            throw;
        }
    }

    /// <summary>Also a client that is disposed of: its member lives no more.</summary>
    private static bool IsBroken(Exception fault) => fault is IOException or HttpRequestException or ObjectDisposedException;

    private static bool IsLate(Exception fault, CancellationToken asked) => fault is OperationCanceledException && !asked.IsCancellationRequested;

    private ShardAwayException Away(Exception cause) =>
        new(cause is OperationCanceledException ? $"shard {shard}: who holds it does not answer" : $"shard {shard}: who holds it cannot be reached ({cause.GetBaseException().Message})", cause);
}
