using System.Collections.Frozen;
using Microsoft.AspNetCore.Http;

namespace Ote.Kube.Server.Http;

/// <summary>Serves <see cref="ApiServerOptions.Downloads"/>. Each may cost the server much, so each is made for one caller at a time.</summary>
internal sealed class DownloadHandler(IReadOnlyDictionary<string, Func<Stream, CancellationToken, Task>> downloads)
{
    private readonly FrozenDictionary<string, Download> _downloads =
        downloads.ToFrozenDictionary(d => d.Key, d => new Download(d.Value, new SemaphoreSlim(1, 1)), StringComparer.Ordinal);

    /// <summary>Whether a path is one of them.</summary>
    public bool Serves(string path) => _downloads.ContainsKey(path);

    public async Task HandleAsync(HttpContext context, string path)
    {
        if (!HttpMethods.IsGet(context.Request.Method))
        {
            throw ApiError.MethodNotAllowed();
        }

        var download = _downloads[path];
        if (!await download.Turn.WaitAsync(TimeSpan.Zero, context.RequestAborted).ConfigureAwait(false))
        {
            throw ApiError.TooManyRequests($"{path} is being made for someone else");
        }

        try
        {
            context.Response.ContentType = "application/octet-stream";
            context.Response.Headers.CacheControl = "no-store";
            await download.Write(context.Response.Body, context.RequestAborted).ConfigureAwait(false);
        }
        catch (IOException fault) when (!context.Response.HasStarted && !context.RequestAborted.IsCancellationRequested)
        {
            throw ApiError.Internal(fault.Message);
        }
        finally
        {
            download.Turn.Release();
        }
    }

    private sealed record Download(Func<Stream, CancellationToken, Task> Write, SemaphoreSlim Turn);
}
