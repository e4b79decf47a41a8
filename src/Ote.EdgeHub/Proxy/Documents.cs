using Microsoft.AspNetCore.Http;

namespace Ote.EdgeHub.Proxy;

/// <summary>
/// What an API server says of itself: its version, its kinds and their schemas. Clients that map kinds as they start, and kubectl, read it; while cut off they are told what the cluster said, to whichever component of the node asked, since
/// it is the same for everybody who is known (<c>system:discovery</c>). Thread-safe.
/// </summary>
/// <param name="answers">What it said before.</param>
internal sealed class Documents(KeptAnswers answers)
{
    private static readonly string[] s_passed = ["Accept", "User-Agent"];

    /// <summary>Whether a request is for one.</summary>
    /// <param name="target">Its path and query as they came.</param>
    public static bool Concerns(string target)
    {
        var end = target.IndexOf('?', StringComparison.Ordinal);
        var path = target.AsSpan(0, end < 0 ? target.Length : end).TrimEnd('/');
        return path is "/version" or "/api" or "/apis" or "/openapi/v2" or "/openapi/v3" || path.StartsWith("/openapi/v3/")
            || (path.StartsWith("/api/") && path[5..].IndexOf('/') < 0) || (path.StartsWith("/apis/") && path[6..].Count('/') < 2);
    }

    /// <summary>Answers one with what the API server says, or has said before.</summary>
    /// <param name="context">The request.</param>
    /// <param name="caller">Who asks.</param>
    /// <param name="target">Its path and query as they came.</param>
    /// <param name="isConnected">Whether an API server is to be asked.</param>
    /// <returns>False, and nothing was answered.</returns>
    public async Task<bool> AnswerAsync(HttpContext context, Caller caller, string target, bool isConnected)
    {
        var question = $"document\n{target}\n{context.Request.Headers.Accept}";
        if (!isConnected)
        {
            return await answers.AnswerKeptAsync(context, question).ConfigureAwait(false);
        }

        using var message = new HttpRequestMessage(HttpMethod.Get, "https://upstream" + target);
        foreach (var name in s_passed)
        {
            if (context.Request.Headers[name] is { Count: > 0 } values)
            {
                message.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
            }
        }

        return await answers.AnswerAsync(context, caller.Identity!.Calls, message, question).ConfigureAwait(false);
    }
}
