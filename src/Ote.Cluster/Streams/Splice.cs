namespace Ote.Cluster.Streams;

/// <summary>Joins two streams.</summary>
internal static class Splice
{
    private const int BufferBytes = 64 * 1024;

    /// <summary>Carries bytes both ways until either side ends or fails, then ends both. A side that does not read holds the other back.</summary>
    public static async Task RunAsync(Stream one, Stream other, CancellationToken ct)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(ct);
        try
        {
            await Task.WhenAny(CopyAsync(one, other, ending.Token), CopyAsync(other, one, ending.Token)).ConfigureAwait(false);
        }
        finally
        {
            await ending.CancelAsync().ConfigureAwait(false);
            await one.DisposeAsync().ConfigureAwait(false);
            await other.DisposeAsync().ConfigureAwait(false);
        }
    }

    private static async Task CopyAsync(Stream from, Stream to, CancellationToken ct)
    {
        var buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            while (await from.ReadAsync(buffer, ct).ConfigureAwait(false) is > 0 and var read)
            {
                await to.WriteAsync(buffer.AsMemory(0, read), ct).ConfigureAwait(false);
                await to.FlushAsync(ct).ConfigureAwait(false);
            }
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
