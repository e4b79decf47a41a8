using System.IO.Pipelines;
using Ote.Flow;

namespace Ote.Cluster.Streams;

/// <summary>Two ends of a stream within the process: what is written at one is read at the other; a reader that stops holds the writer back. A read that is under way when its end is disposed fails.</summary>
internal static class DuplexPair
{
    private static readonly PipeOptions Bounded = new(pauseWriterThreshold: 256 * 1024, resumeWriterThreshold: 128 * 1024, useSynchronizationContext: false);

    /// <summary>Makes both ends.</summary>
    public static (Stream One, Stream Other) Create()
    {
        var (there, back) = (new Pipe(Bounded), new Pipe(Bounded));
        return (new End(back.Reader, there.Writer), new End(there.Reader, back.Writer));
    }

    private sealed class End(PipeReader reader, PipeWriter writer) : AsyncStream
    {
        private readonly Stream _reads = reader.AsStream();
        private readonly Stream _writes = writer.AsStream();

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => _reads.ReadAsync(buffer, cancellationToken);

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => _writes.WriteAsync(buffer, cancellationToken);

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                _writes.Dispose();
                reader.CancelPendingRead(); // It would wait for ever.
                _reads.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
