using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;

namespace Ote.Kube.Client;

/// <summary>Newline-delimited JSON objects from a stream, as a watch sends them.</summary>
internal static class JsonLines
{
    /// <summary>Yields each line's object; a line longer than <paramref name="limit"/> bytes ends the stream with an error.</summary>
    public static async IAsyncEnumerable<JsonObject> ReadAsync(Stream stream, int limit, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var reader = PipeReader.Create(stream, new StreamPipeReaderOptions(leaveOpen: true, useZeroByteReads: true));
        try
        {
            while (true)
            {
                var read = await reader.ReadAsync(cancellation).ConfigureAwait(false);
                var buffer = read.Buffer;
                while (buffer.PositionOf((byte)'\n') is { } end)
                {
                    var line = buffer.Slice(0, end);
                    buffer = buffer.Slice(buffer.GetPosition(1, end));
                    if (Parse(line) is { } obj)
                    {
                        yield return obj;
                    }
                }

                if (buffer.Length > limit)
                {
                    throw new KubeStatusException(413, "", $"one watch event is larger than {limit} bytes");
                }

                if (read.IsCompleted)
                {
                    // What is left has no line end: the stream was cut inside an event, which the next watch sends again.
                    yield break;
                }

                reader.AdvanceTo(buffer.Start, buffer.End);
            }
        }
        finally
        {
            await reader.CompleteAsync().ConfigureAwait(false);
        }
    }

    private static JsonObject? Parse(ReadOnlySequence<byte> line)
    {
        if (line.IsEmpty)
        {
            return null;
        }

        return (line.IsSingleSegment ? JsonNode.Parse(line.FirstSpan) : JsonNode.Parse(line.ToArray())) as JsonObject
            ?? throw new KubeStatusException(500, "", "the server sent a watch line that is not a JSON object");
    }
}
