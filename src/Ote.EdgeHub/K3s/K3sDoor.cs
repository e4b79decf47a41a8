using System.Buffers;
using Microsoft.AspNetCore.Http;
using Ote.EdgeHub.Proxy;

namespace Ote.EdgeHub.K3s;

/// <summary>
/// What a k3s agent asks its server for besides the Kubernetes API: the server's authorities, its configuration, the certificates of its components, and the tunnel. Each request goes on with what its sender shows and nothing else; what
/// the server answers is kept for the sender of the same credentials, and is the answer while no server can be asked, so that an agent starts while the node is cut off. Thread-safe.
/// </summary>
/// <param name="authenticator">Who shows a client certificate.</param>
/// <param name="answers">What the server answered before.</param>
/// <param name="anonymous">Requests without credentials of the hub's own, whose server the balance chooses.</param>
/// <param name="forwarding">For the tunnel.</param>
/// <param name="held">For the tunnel while no server answers.</param>
/// <param name="isConnected">Whether one does.</param>
internal sealed class K3sDoor(
    CallerAuthenticator authenticator, KeptAnswers answers, HttpMessageInvoker anonymous, Forwarding forwarding, HeldTunnel held, Func<bool> isConnected) : IDisposable
{
    private const string Prefix = "/v1-k3s/";
    private const string Authorities = "/cacerts";
    private const string Tunnel = Prefix + "connect";

    /// <summary>By which the server tells nodes of one token apart; they are part of the credentials.</summary>
    private static readonly string[] s_ofNode = ["k3s-Node-Name", "k3s-Node-Password"];

    private static readonly string[] s_passed = ["Authorization", "Accept", "User-Agent", "k3s-Node-IP", .. s_ofNode];

    private static readonly SearchValues<char> s_name = SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._");

    /// <summary>Whether a request is one that only k3s knows.</summary>
    public static bool Concerns(string target) => target is Authorities or "/ping"
        || (target.StartsWith(Prefix, StringComparison.Ordinal) && target.AsSpan(Prefix.Length) is not ("" or "." or "..") && target.AsSpan(Prefix.Length).IndexOfAnyExcept(s_name) < 0);

    /// <summary>Answers one.</summary>
    /// <param name="context">The request.</param>
    /// <param name="target">Its path and query as they came.</param>
    /// <param name="refuse">Refuses one whose sender is nobody, with the reason.</param>
    public async Task ServeAsync(HttpContext context, string target, Func<HttpContext, string, Task> refuse)
    {
        if (target == "/ping")
        {
            await context.Response.WriteAsync("pong", context.RequestAborted).ConfigureAwait(false);
            return;
        }

        Caller? caller = null;
        var shown = target == Authorities ? "" : context.Request.Headers.Authorization.ToString();
        if (target != Authorities && (shown.Length == 0 || target == Tunnel))
        {
            (caller, var reason) = await authenticator.FindAsync(context).ConfigureAwait(false);
            if (caller?.Identity is null)
            {
                await refuse(context, reason.Length > 0 ? reason : "the tunnel is for the node's own components").ConfigureAwait(false);
                return;
            }

            shown = "certificate of " + caller.Name;
        }

        if (target != Tunnel)
        {
            await AskAsync(context, caller, target, shown).ConfigureAwait(false);
        }
        else if (isConnected())
        {
            await forwarding.SendAsync(context, caller!, target).ConfigureAwait(false);
        }
        else
        {
            await held.HoldAsync(context).ConfigureAwait(false);
        }
    }

    public void Dispose()
    {
        anonymous.Dispose();
        held.Dispose();
    }

    private async Task AskAsync(HttpContext context, Caller? caller, string target, string shown)
    {
        var body = await KeptCalls.BodyAsync(context.Request, context.RequestAborted).ConfigureAwait(false);
        // Not by the body: an agent that asks for a certificate does so for the key that it has, in a request that is another each time.
        var question = string.Join('\n', [Prefix, context.Request.Method, target, shown, .. s_ofNode.Select(name => context.Request.Headers[name].ToString())]);
        using var message = Message(context.Request, target, body);
        if (!await answers.AnswerAsync(context, caller?.Identity?.Calls ?? anonymous, message, question).ConfigureAwait(false))
        {
            await HubStatus.WriteAsync(context, 503, "ServiceUnavailable", $"no k3s server answers, and {target} was not asked for with these credentials while one did").ConfigureAwait(false);
        }
    }

    private static HttpRequestMessage Message(HttpRequest request, string target, byte[] body)
    {
        var message = new HttpRequestMessage(new HttpMethod(request.Method), "https://upstream" + target);
        if (body.Length > 0)
        {
            message.Content = new ByteArrayContent(body);
            message.Content.Headers.TryAddWithoutValidation("Content-Type", request.ContentType);
        }

        foreach (var name in s_passed)
        {
            if (request.Headers[name] is { Count: > 0 } values)
            {
                message.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
            }
        }

        return message;
    }
}
