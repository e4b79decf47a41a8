using System.Net;
using System.Text;
using Microsoft.AspNetCore.Http;
using Ote.EdgeHub.Cache;

namespace Ote.EdgeHub.Proxy;

/// <summary>Answers of a server that are no objects, kept as they came, with their media type, for when no server can be asked. Thread-safe.</summary>
/// <param name="cache">Where they are kept, sealed.</param>
/// <param name="patience">How long a server may take.</param>
/// <param name="time">The clock.</param>
internal sealed class KeptAnswers(NodeCache cache, TimeSpan patience, TimeProvider time)
{
    private const int MostBytes = 4 * 1024 * 1024;

    /// <summary>Asks, and answers the caller: with what a server says, and where none says anything with what one said before to the same question.</summary>
    /// <param name="context">Whose request it is.</param>
    /// <param name="calls">By what it is asked.</param>
    /// <param name="message">What is asked.</param>
    /// <param name="question">What tells it from others, with the credentials that the answer depends on.</param>
    /// <returns>False, and nothing was answered: no server answers, and none was asked this before.</returns>
    public async Task<bool> AnswerAsync(HttpContext context, HttpMessageInvoker calls, HttpRequestMessage message, string question)
    {
        using var late = new CancellationTokenSource(patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, late.Token);
        try
        {
            using var answer = await calls.SendAsync(message, either.Token).ConfigureAwait(false);
            await answer.Content.LoadIntoBufferAsync(MostBytes, either.Token).ConfigureAwait(false);
            var bytes = await answer.Content.ReadAsByteArrayAsync(either.Token).ConfigureAwait(false);
            var type = answer.Content.Headers.ContentType?.ToString() ?? "";
            if ((int)answer.StatusCode < 500)
            {
                if (answer.StatusCode == HttpStatusCode.OK)
                {
                    Keep(question, [.. Encoding.UTF8.GetBytes(type + "\n"), .. bytes]); // Before it is answered: who asks may start again at any moment.
                }
                else if (answer.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden)
                {
                    cache.Unkeep(question);
                }

                await WriteAsync(context, (int)answer.StatusCode, type, bytes).ConfigureAwait(false);
                return true;
            }
        }
        catch (Exception broken) when (broken is HttpRequestException or IOException || (broken is OperationCanceledException && late.IsCancellationRequested))
        {
            // What was kept is the answer.
        }

        return await AnswerKeptAsync(context, question).ConfigureAwait(false);
    }

    /// <summary>Answers the caller with what a server said before.</summary>
    /// <returns>False, and nothing was answered: none was asked this before.</returns>
    public async Task<bool> AnswerKeptAsync(HttpContext context, string question)
    {
        if (cache.Kept(question) is not { } kept || kept.AsSpan().IndexOf((byte)'\n') is not (>= 0 and var end))
        {
            return false;
        }

        await WriteAsync(context, StatusCodes.Status200OK, Encoding.UTF8.GetString(kept, 0, end), kept.AsMemory(end + 1)).ConfigureAwait(false);
        return true;
    }

    /// <summary>What is kept already is not written again.</summary>
    private void Keep(string question, byte[] answer)
    {
        if (cache.Kept(question) is not { } kept || !kept.AsSpan().SequenceEqual(answer))
        {
            cache.Keep(question, answer);
        }
    }

    private static Task WriteAsync(HttpContext context, int code, string type, ReadOnlyMemory<byte> bytes)
    {
        context.Response.StatusCode = code;
        context.Response.ContentType = type.Length > 0 ? type : null;
        context.Response.ContentLength = bytes.Length;
        return HttpMethods.IsHead(context.Request.Method) ? Task.CompletedTask : context.Response.Body.WriteAsync(bytes, context.RequestAborted).AsTask();
    }
}
