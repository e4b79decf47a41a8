using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;

namespace Ote.Messages;

/// <summary>
/// How an application talks to those of other clusters: through the socket of the cluster controller on its machine
/// (<c>ote cluster-controller --message-socket PATH</c>), which keeps messages on disk and finds the way. Thread-safe.
/// </summary>
public sealed class MessageClient : IDisposable
{
    private const int MostBytes = 256 * 1024;
    private static readonly TimeSpan Round = TimeSpan.FromSeconds(30);
    private readonly HttpClient _http;
    private readonly string _socket;

    /// <summary>Makes a client; it connects when it is used.</summary>
    /// <param name="socket">Path of the controller's message socket. Whoever may write to it may send in the cluster's name.</param>
    public MessageClient(string socket)
    {
        _socket = socket;
        _http = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (_, ct) =>
            {
                var connection = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                try
                {
                    await connection.ConnectAsync(new UnixDomainSocketEndPoint(socket), ct).ConfigureAwait(false);
                    return new NetworkStream(connection, ownsSocket: true);
                }
                catch
                {
                    connection.Dispose();
                    throw;
                }
            },
        }) { BaseAddress = new Uri("http://controller/"), Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <summary>Sends a message. When it returns the message is on this machine's disk, and goes on by itself.</summary>
    /// <param name="to">The cluster it is for.</param>
    /// <param name="topic">What it is about: 1 to 256 characters.</param>
    /// <param name="body">The content, at most 256 KiB.</param>
    /// <param name="contentType">Of the body; null for none.</param>
    /// <param name="life">How long it may wait for its cluster, at most 7 days; null for an hour.</param>
    /// <param name="ct">Gives up. The message may have been taken.</param>
    /// <exception cref="MessagesException">It was not taken; the text says why.</exception>
    public async Task<MessageFate> SendAsync(string to, string topic, ReadOnlyMemory<byte> body, string? contentType = null, TimeSpan? life = null, CancellationToken ct = default)
    {
        if (body.Length > MostBytes)
        {
            throw new MessagesException($"the body has {body.Length} bytes; at most {MostBytes} are carried: send where to fetch it instead");
        }

        using var content = new ReadOnlyMemoryContent(body);
        if (contentType is not null)
        {
            content.Headers.ContentType = MediaTypeHeaderValue.Parse(contentType);
        }

        var ttl = life is { } some ? string.Create(CultureInfo.InvariantCulture, $"&ttl={(long)Math.Ceiling(some.TotalSeconds)}") : "";
        using var request = new HttpRequestMessage(HttpMethod.Post, $"v1/messages?to={Uri.EscapeDataString(to)}&topic={Uri.EscapeDataString(topic)}{ttl}") { Content = content };
        return Fate(await AskAsync(request, ct).ConfigureAwait(false) ?? throw new MessagesException("the controller does not know this request"));
    }

    /// <summary>What is known of a message sent from here; null when it was never sent or ended more than an hour ago.</summary>
    /// <exception cref="MessagesException">The controller could not be asked.</exception>
    public Task<MessageFate?> FindAsync(string id, CancellationToken ct = default) => FindAsync(id, TimeSpan.Zero, ct);

    /// <summary>Waits until a message has ended; null when it is not known.</summary>
    /// <exception cref="MessagesException">The controller could not be asked.</exception>
    public async Task<MessageFate?> WaitAsync(string id, CancellationToken ct = default)
    {
        while (true)
        {
            var fate = await FindAsync(id, Round, ct).ConfigureAwait(false);
            if (fate is null or { IsOver: true })
            {
                return fate;
            }
        }
    }

    /// <summary>
    /// Gives messages as they come, until cancelled, in the order of their arrival. Acknowledge each when its work is done: one that is not
    /// acknowledged within 30 seconds is given out again, here or to another taker.
    /// </summary>
    /// <param name="topic">Of this topic only; null for any.</param>
    /// <param name="ct">Ends it.</param>
    /// <exception cref="MessagesException">The controller could not be asked.</exception>
    public async IAsyncEnumerable<ClusterMessage> ReceiveAsync(string? topic = null, [EnumeratorCancellation] CancellationToken ct = default)
    {
        while (true)
        {
            foreach (var message in await TakeAsync(topic, 1, Round, ct).ConfigureAwait(false))
            {
                yield return message;
            }
        }
    }

    /// <summary>The oldest messages that wait, after at most so long; empty when there are none.</summary>
    /// <param name="topic">Of this topic only; null for any.</param>
    /// <param name="most">1 to 100.</param>
    /// <param name="wait">How long to wait for the first; at most a minute.</param>
    /// <param name="ct">Ends it.</param>
    /// <exception cref="MessagesException">The controller could not be asked.</exception>
    public async Task<IReadOnlyList<ClusterMessage>> TakeAsync(string? topic, int most, TimeSpan wait, CancellationToken ct = default)
    {
        var path = string.Create(CultureInfo.InvariantCulture, $"v1/inbox?most={most}&wait={wait.TotalSeconds:0}{(topic is null ? "" : "&topic=" + Uri.EscapeDataString(topic))}");
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        var answer = await AskAsync(request, ct).ConfigureAwait(false);
        return [.. (answer?["messages"] as JsonArray ?? []).OfType<JsonObject>().Select(Message)];
    }

    /// <summary>The work a message asked for is done: it is not given out again. False when it was acknowledged before, or its time is over.</summary>
    /// <exception cref="MessagesException">The controller could not be told.</exception>
    public async Task<bool> AcknowledgeAsync(ClusterMessage message, CancellationToken ct = default)
    {
        ArgumentNullException.ThrowIfNull(message);
        using var request = new HttpRequestMessage(HttpMethod.Delete, $"v1/inbox/{message.Id}");
        return await AskAsync(request, ct).ConfigureAwait(false) is not null;
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    private async Task<MessageFate?> FindAsync(string id, TimeSpan wait, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, string.Create(CultureInfo.InvariantCulture, $"v1/messages/{Uri.EscapeDataString(id)}?wait={wait.TotalSeconds:0}"));
        return await AskAsync(request, ct).ConfigureAwait(false) is { } known ? Fate(known) : null;
    }

    /// <summary>The answer; null for 404.</summary>
    private async Task<JsonObject?> AskAsync(HttpRequestMessage request, CancellationToken ct)
    {
        try
        {
            using var response = await _http.SendAsync(request, ct).ConfigureAwait(false);
            var text = await response.Content.ReadAsStringAsync(ct).ConfigureAwait(false);
            if (response.StatusCode == System.Net.HttpStatusCode.NotFound)
            {
                return null;
            }

            if (!response.IsSuccessStatusCode)
            {
                throw new MessagesException(JsonNode.Parse(text)?["error"]?.ToString() ?? $"the controller answered {(int)response.StatusCode}");
            }

            return text.Length == 0 ? [] : JsonNode.Parse(text)!.AsObject();
        }
        catch (HttpRequestException away)
        {
            throw new MessagesException($"{_socket}: {Cause(away)}", away);
        }
        catch (System.Text.Json.JsonException other)
        {
            throw new MessagesException($"{_socket} did not answer as a controller does", other);
        }
    }

    /// <summary>The system's words for a socket file that is not there are about addresses, of which nobody here knows any.</summary>
    private static string Cause(HttpRequestException away) => away.GetBaseException() switch
    {
        SocketException { SocketErrorCode: SocketError.AddressNotAvailable or SocketError.ConnectionRefused } =>
            "no controller listens there; start it with --message-socket and this path, or name the path that it was started with",
        SocketException { SocketErrorCode: SocketError.AccessDenied } => "this user may not write to the socket; ask whoever runs the controller for its group",
        var other => $"{other.Message.TrimEnd('.')}; is a controller running there with --message-socket?",
    };

    private static MessageFate Fate(JsonObject known) => new(
        (string)known["id"]!, (string)known["to"]!, (string)known["state"]!, (string)known["text"]!, (int)known["hops"]!, (bool)known["over"]!);

    private static ClusterMessage Message(JsonObject known) => new(
        (string)known["id"]!, (string)known["from"]!, (string)known["topic"]!, (string)known["contentType"]!, Convert.FromBase64String((string)known["body"]!), (int)known["hops"]!,
        DateTimeOffset.Parse((string)known["arrived"]!, CultureInfo.InvariantCulture));
}
