using System.Text;
using Microsoft.Extensions.Time.Testing;
using Ote.Shim.Live;
using Ote.Tests.Cluster.Tunnel;

namespace Ote.Tests.Shim.Live;

/// <summary>A command whose connection ends is no command that ended well.</summary>
public sealed class ExecStreamTests
{
    private const int Out = 5;
    private static readonly byte[] Reply = [0x80, 3, 0, 2, 0, 0, 0, 4, 0, 0, 0, 1]; // SYN_REPLY of stream 1
    private static readonly byte[] Told = Frame(1, 1, "it broke");

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(100_000)]
    public async Task One_that_is_cut_ends_as_failed_behind_the_last_whole_frame_however_its_bytes_come(int atOnce)
    {
        byte[] came = [.. Reply, .. Frame(Out, 0, "hello"), .. Frame(Out, 0, "cut in the middle")[..12]];
        foreach (var breaks in new[] { false, true })
        {
            byte[] expected = [.. Reply, .. Frame(Out, 0, "hello"), .. Told];
            Assert.Equal(expected, await ReadAsync(came, atOnce, breaks));
        }
    }

    [Fact]
    public async Task One_whose_end_was_told_is_as_it_came()
    {
        foreach (var end in new[] { Frame(1, 0, "{}"), Frame(1, 1, "") })
        {
            byte[] came = [.. Reply, .. Frame(Out, 1, "hello"), .. end];
            Assert.Equal(came, await ReadAsync(came, 3, breaks: false));
            await Assert.ThrowsAsync<IOException>(() => ReadAsync(came, 3, breaks: true)); // what breaks then is its client's to judge
        }
    }

    [Fact]
    public async Task A_frame_that_is_too_long_to_be_held_goes_on_as_it_comes()
    {
        byte[] came = Frame(Out, 0, new string('x', 3_000_000));
        byte[] expected = [.. came, .. Told];
        Assert.Equal(expected, await ReadAsync(came, 100_000, breaks: false));
        Assert.Equal(came[..2_000_000], await ReadAsync(came[..2_000_000], 100_000, breaks: false));
    }

    [Fact]
    public async Task Frames_up_to_the_bound_are_held_whole()
    {
        byte[] came = Frame(Out, 0, new string('x', 1024 * 1024));
        byte[] expected = [.. came, .. Told];
        Assert.Equal(expected, await ReadAsync(came, 100_000, breaks: false));
        Assert.Equal(Told, await ReadAsync(came[..^1], 100_000, breaks: false));
    }

    [Fact]
    public async Task Whoever_was_told_the_end_by_the_server_is_waited_for_and_who_was_cut_is_not()
    {
        var time = new FakeTimeProvider();
        using var gone = new CancellationTokenSource();
        byte[] came = Frame(1, 1, "");
        foreach (var leave in new Action[] { () => time.Advance(ExecStream.Linger), gone.Cancel })
        {
            await using var stream = new ExecStream(new UpgradedStream(new Pieces(came, 100, breaks: false), time), Encoding.UTF8.GetBytes("it broke"), time, gone.Token);
            var buffer = new byte[777];
            Assert.Equal(came.Length, await stream.ReadAsync(buffer, Ct));
            var end = stream.ReadAsync(buffer, Ct).AsTask();
            Assert.False(end.IsCompleted);
            leave();
            Assert.Equal(0, await end.Soon());
        }

        await using var cut = new ExecStream(new UpgradedStream(new Pieces([], 100, breaks: false), time), Encoding.UTF8.GetBytes("it broke"), time, CancellationToken.None);
        Assert.Equal(Told.Length, await cut.ReadAsync(new byte[777], Ct));
        Assert.Equal(0, await cut.ReadAsync(new byte[777], Ct));
    }

    private static byte[] Frame(int stream, byte flags, string text) => [0, 0, 0, (byte)stream, flags, (byte)(text.Length >> 16), (byte)(text.Length >> 8), (byte)text.Length, .. Encoding.UTF8.GetBytes(text)];

    private static async Task<byte[]> ReadAsync(byte[] came, int atOnce, bool breaks)
    {
        await using var stream = new ExecStream(new UpgradedStream(new Pieces(came, atOnce, breaks), TimeProvider.System), Encoding.UTF8.GetBytes("it broke"), TimeProvider.System, new CancellationToken(canceled: true));
        using var all = new MemoryStream();
        var buffer = new byte[777];
        while (await stream.ReadAsync(buffer, Ct) is > 0 and var read)
        {
            all.Write(buffer, 0, read);
        }

        return all.ToArray();
    }

    /// <summary>Comes in pieces, and then ends or breaks.</summary>
    private sealed class Pieces(byte[] bytes, int atOnce, bool breaks) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            Position == Length && breaks ? throw new IOException("connection reset") : base.ReadAsync(buffer[..Math.Min(buffer.Length, atOnce)], cancellationToken);
    }
}
