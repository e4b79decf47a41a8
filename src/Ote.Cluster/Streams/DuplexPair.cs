using System.IO.Pipelines;

namespace Ote.Cluster.Streams;

/// <summary>Two ends of a stream within the process: what is written at one is read at the other; a reader that stops holds the writer back.</summary>
internal static class DuplexPair
{
    private static readonly PipeOptions Bounded = new(pauseWriterThreshold: 256 * 1024, resumeWriterThreshold: 128 * 1024, useSynchronizationContext: false);

    /// <summary>Makes both ends.</summary>
    public static (Stream One, Stream Other) Create()
    {
        var (there, back) = (new Pipe(Bounded), new Pipe(Bounded));
        return (new End(back.Reader.AsStream(), there.Writer.AsStream()), new End(there.Reader.AsStream(), back.Writer.AsStream()));
    }

    private sealed class End(Stream reads, Stream writes) : Stream
    {
        public override bool CanRead => true;

        public override bool CanWrite => true;

        public override bool CanSeek => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override void Flush() => writes.Flush();

        public override Task FlushAsync(CancellationToken cancellationToken) => writes.FlushAsync(cancellationToken);

        public override int Read(byte[] buffer, int offset, int count) => reads.Read(buffer, offset, count);

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => reads.ReadAsync(buffer, cancellationToken);

        public override void Write(byte[] buffer, int offset, int count) => writes.Write(buffer, offset, count);

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => writes.WriteAsync(buffer, cancellationToken);

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                writes.Dispose();
                reads.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
