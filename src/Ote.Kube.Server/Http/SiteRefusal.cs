using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Ote.Kube.Objects;

namespace Ote.Kube.Server.Http;

/// <summary>Has another cluster answer a request, and where that refuses it, says which cluster it was: whoever has the rights here would look for the fault here.</summary>
internal static class SiteRefusal
{
    private const int MostBytes = 64 * 1024; // of a refusal; a longer one goes on as it is

    /// <summary>Forwards a request whose answer goes on as it comes.</summary>
    public static async Task ForwardAsync(IClusterGate clusters, ApiRequest request, string cluster, string target)
    {
        var response = request.Context.Response;
        var client = response.Body;
        using var held = new HeldRefusal(response, client);
        response.Body = held;
        try
        {
            await clusters.ForwardAsync(request.Context, cluster, request.User, target).ConfigureAwait(false);
        }
        finally
        {
            response.Body = client;
        }

        if (held.Refusal is { } refusal)
        {
            var named = Named(refusal, cluster);
            response.ContentLength = response.ContentLength is null ? null : named.Length;
            await client.WriteAsync(named, request.Aborted).ConfigureAwait(false);
        }
    }

    /// <summary>A refusal with the cluster's name before its words; what is no Status stays as it is.</summary>
    public static ReadOnlyMemory<byte> Named(ReadOnlyMemory<byte> refusal, string cluster)
    {
        try
        {
            if (JsonNode.Parse(refusal.Span) is JsonObject status && status.Text("kind") == "Status" && status.Text("message") is { } message && !message.Contains($"cluster {cluster}", StringComparison.Ordinal))
            {
                status["message"] = $"cluster {cluster} refuses: {message}";
                return JsonSerializer.SerializeToUtf8Bytes(status, NodeJson.Default.JsonObject);
            }
        }
        catch (JsonException)
        {
            // Of another form, or packed.
        }

        return refusal;
    }

    /// <summary>Holds the body of a 403, and lets any other through.</summary>
    private sealed class HeldRefusal(HttpResponse response, Stream client) : Stream
    {
        private readonly MemoryStream _held = new();
        private bool _letsThrough;

        public ReadOnlyMemory<byte>? Refusal => _held.Length > 0 && !_letsThrough ? _held.GetBuffer().AsMemory(0, (int)_held.Length) : null;

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (response.StatusCode == StatusCodes.Status403Forbidden && !_letsThrough && _held.Length + buffer.Length <= MostBytes)
            {
                _held.Write(buffer.Span);
                return;
            }

            if (!_letsThrough)
            {
                _letsThrough = true;
                await client.WriteAsync(_held.GetBuffer().AsMemory(0, (int)_held.Length), cancellationToken).ConfigureAwait(false);
            }

            await client.WriteAsync(buffer, cancellationToken).ConfigureAwait(false);
        }

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override Task FlushAsync(CancellationToken cancellationToken) =>
            response.StatusCode == StatusCodes.Status403Forbidden && !_letsThrough ? Task.CompletedTask : client.FlushAsync(cancellationToken);

        public override void Flush() => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                _held.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
