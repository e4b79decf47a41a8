using Ote.Cluster.Tunnel;

namespace Ote.Cluster.Streams;

/// <summary>Joins two streams.</summary>
internal static class Splice
{
    private const int BufferBytes = 64 * 1024;

    /// <summary>
    /// Carries bytes both ways until both sides have ended. A side that does not read holds the other back. Where one side breaks so does the other, and where one ends the other is told so, after all that came before: it has
    /// <see cref="WebSocketByteStream.Linger"/> to read it and to end too. Owns both.
    /// </summary>
    public static async Task RunAsync(ByteStream one, ByteStream other, TimeProvider time, CancellationToken ct)
    {
        using var broken = CancellationTokenSource.CreateLinkedTokenSource(ct);
        using var late = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(broken.Token, late.Token);
        using var end = either.Token.Register(() =>
        {
            one.Dispose();
            other.Dispose();
        });
        await Task.WhenAll(CarryAsync(one, other, broken, late), CarryAsync(other, one, broken, late)).ConfigureAwait(false);
        await one.DisposeAsync().ConfigureAwait(false);
        await other.DisposeAsync().ConfigureAwait(false);
    }

    private static async Task CarryAsync(ByteStream from, ByteStream to, CancellationTokenSource broken, CancellationTokenSource late)
    {
        var buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            while (await from.ReadAsync(buffer).ConfigureAwait(false) is > 0 and var read)
            {
                if (!await TryAsync(to.WriteAsync(buffer.AsMemory(0, read)).AsTask()).ConfigureAwait(false))
                {
                    late.CancelAfter(WebSocketByteStream.Linger); // what that side has told before it went is still carried the other way
                    return;
                }
            }

            late.CancelAfter(WebSocketByteStream.Linger);
            await TryAsync(to.FinishAsync(CancellationToken.None)).ConfigureAwait(false);
        }
        catch (IOException)
        {
            await broken.CancelAsync().ConfigureAwait(false);
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static async Task<bool> TryAsync(Task written)
    {
        try
        {
            await written.ConfigureAwait(false);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }
}
