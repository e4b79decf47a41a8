using System.Globalization;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Journal;
using Ote.Cluster.Messages;
using Ote.Roles.Hosting;

namespace Ote.Roles.Messages;

/// <summary>
/// The controller's messages for applications on its machine: HTTP over a Unix socket that its owner alone may use
/// (docs/reference/messages.md has the requests).
/// </summary>
internal sealed class MessageDoor(WebApplication? app) : IAsyncDisposable
{
    private const int MostAtOnce = 100;
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(1);

    /// <summary>Listens; without a path it does nothing.</summary>
    /// <exception cref="RoleException">The path cannot be used.</exception>
    public static async Task<MessageDoor> StartAsync(string? path, ClusterMessages messages, ILoggerFactory logs, TimeProvider time, CancellationToken stop)
    {
        if (path is null)
        {
            return new MessageDoor(null);
        }

        await ClearAsync(path, stop).ConfigureAwait(false);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = MessageLimits.BodyBytes;
            kestrel.ListenUnixSocket(path);
        });
        builder.Services.AddSingleton(logs);
        builder.Services.Configure<Microsoft.Extensions.Hosting.HostOptions>(static options => options.ShutdownTimeout = TimeSpan.FromSeconds(1));
        var app = builder.Build();
        app.Run(context => new MessageRequests(messages, time, stop).AnswerAsync(context));
        try
        {
            await app.StartAsync(stop).ConfigureAwait(false);
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }
        catch (Exception refused) when (refused is IOException or SocketException or UnauthorizedAccessException or ArgumentException)
        {
            await app.DisposeAsync().ConfigureAwait(false);
            throw new RoleException($"--message-socket: {path} cannot be listened at ({refused.GetBaseException().Message}); choose a path of at most 107 characters in a directory this user may write to");
        }

        return new MessageDoor(app);
    }

    public ValueTask DisposeAsync() => app?.DisposeAsync() ?? ValueTask.CompletedTask;

    /// <summary>A socket that a process left when it died is in the way; one that somebody answers at is not ours.</summary>
    private static async Task ClearAsync(string path, CancellationToken stop)
    {
        if (!File.Exists(path))
        {
            return;
        }

        // To connect to a file fails as to a socket nobody listens at.
        if (new FileInfo(path).Length > 0)
        {
            throw new RoleException($"--message-socket: {path} is a file; choose another path, or remove it");
        }

        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await probe.ConnectAsync(new UnixDomainSocketEndPoint(path), stop).ConfigureAwait(false);
        }
        catch (SocketException dead) when (dead.SocketErrorCode == SocketError.ConnectionRefused)
        {
            File.Delete(path);
            return;
        }
        catch (SocketException other)
        {
            throw new RoleException($"--message-socket: {path} is something else ({other.Message}); choose another path, or remove it");
        }

        throw new RoleException($"--message-socket: another process listens at {path}; choose another path, or end that process");
    }

    /// <summary>One request.</summary>
    private sealed class MessageRequests(ClusterMessages messages, TimeProvider time, CancellationToken stop)
    {
        public async Task AnswerAsync(HttpContext context)
        {
            try
            {
                var parts = (context.Request.Path.Value ?? "").Split('/', StringSplitOptions.RemoveEmptyEntries);
                await ((context.Request.Method, parts) switch
                {
                    ("POST", ["v1", "messages"]) => SendAsync(context),
                    ("GET", ["v1", "messages", var id]) => FindAsync(context, id),
                    ("GET", ["v1", "inbox"]) => TakeAsync(context),
                    ("DELETE", ["v1", "inbox", var id]) => AcknowledgeAsync(context, id),
                    _ => FailAsync(context, 404, "there is POST v1/messages, GET v1/messages/ID, GET v1/inbox and DELETE v1/inbox/ID"),
                }).ConfigureAwait(false);
            }
            catch (Exception wrong) when (wrong is MessageException or FormatException)
            {
                await FailAsync(context, 400, wrong.Message).ConfigureAwait(false);
            }
            catch (BadHttpRequestException large)
            {
                await FailAsync(context, large.StatusCode, $"the body has more than {MessageLimits.BodyBytes} bytes: send where to fetch it instead").ConfigureAwait(false);
            }
            catch (JournalException broken)
            {
                await FailAsync(context, 507, broken.Message).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested || stop.IsCancellationRequested)
            {
                context.Abort();
            }
        }

        private async Task SendAsync(HttpContext context)
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body, context.RequestAborted).ConfigureAwait(false);
            TimeSpan? life = context.Request.Query.ContainsKey("ttl") ? Seconds(context, "ttl", MessageLimits.LongestLife) : null;
            var sent = await messages.SendAsync(
                Query(context, "to") ?? "", Query(context, "topic") ?? "", context.Request.ContentType ?? "", body.GetBuffer().AsMemory(0, (int)body.Length), life).ConfigureAwait(false);
            await SayAsync(context, 202, Object(sent)).ConfigureAwait(false);
        }

        private async Task FindAsync(HttpContext context, string id)
        {
            var wait = Seconds(context, "wait", LongestWait);
            var known = messages.Find(id);
            if (known is { Ended: null } && wait > TimeSpan.Zero)
            {
                using var patience = Patience(context, wait);
                try
                {
                    known = await messages.WaitAsync(id, patience.Token).ConfigureAwait(false);
                }
                catch (OperationCanceledException) when (!context.RequestAborted.IsCancellationRequested && !stop.IsCancellationRequested)
                {
                    known = messages.Find(id);
                }
            }

            await (known is null ? FailAsync(context, 404, "no such message is remembered") : SayAsync(context, 200, Object(known))).ConfigureAwait(false);
        }

        private async Task TakeAsync(HttpContext context)
        {
            var most = Query(context, "most") is { } text && int.TryParse(text, CultureInfo.InvariantCulture, out var number) ? Math.Clamp(number, 1, MostAtOnce) : 1;
            using var patience = Patience(context, Seconds(context, "wait", LongestWait));
            IReadOnlyList<ReceivedMessage> given;
            try
            {
                given = await messages.ReceiveAsync(Query(context, "topic"), most, patience.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!context.RequestAborted.IsCancellationRequested && !stop.IsCancellationRequested)
            {
                given = [];
            }

            await SayAsync(context, 200, new JsonObject
            {
                ["messages"] = new JsonArray([.. given.Select(m => new JsonObject
                {
                    ["id"] = m.Id, ["from"] = m.From, ["topic"] = m.Topic, ["contentType"] = m.ContentType, ["body"] = Convert.ToBase64String(m.Body.Span), ["hops"] = m.Hops,
                    ["arrived"] = m.Arrived.ToString("O", CultureInfo.InvariantCulture),
                })]),
            }).ConfigureAwait(false);
        }

        private async Task AcknowledgeAsync(HttpContext context, string id)
        {
            if (await messages.AcknowledgeAsync(id).ConfigureAwait(false))
            {
                context.Response.StatusCode = 204;
                return;
            }

            await FailAsync(context, 404, "no such message waits").ConfigureAwait(false);
        }

        private CancellationTokenSource Patience(HttpContext context, TimeSpan wait)
        {
            // Nothing to wait for still lets what is there be given.
            var patience = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stop);
            var timer = time.CreateTimer(static source => GiveUp((CancellationTokenSource)source!), patience, wait, Timeout.InfiniteTimeSpan);
            context.Response.RegisterForDispose(timer);
            return patience;
        }

        private static void GiveUp(CancellationTokenSource patience)
        {
            try
            {
                patience.Cancel();
            }
            catch (ObjectDisposedException)
            {
                // It was answered just as the time was over; on a timer's thread this would end the process.
            }
        }

        private static string? Query(HttpContext context, string name) => context.Request.Query[name] is [{ Length: > 0 } text] ? text : null;

        private static TimeSpan Seconds(HttpContext context, string name, TimeSpan most) =>
            Query(context, name) is not { } text ? TimeSpan.Zero
            : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds <= most.TotalSeconds ? TimeSpan.FromSeconds(seconds)
            : throw new FormatException($"{name}: '{text}' is no number of seconds up to {most.TotalSeconds:0}");

        private static JsonObject Object(SentMessage sent) => new()
        {
            ["id"] = sent.Id, ["to"] = sent.To, ["topic"] = sent.Topic, ["state"] = sent.State.ToString(), ["text"] = sent.Text, ["hops"] = sent.Hops, ["over"] = sent.Ended is not null,
            ["deadline"] = sent.Deadline.ToString("O", CultureInfo.InvariantCulture),
        };

        private static Task FailAsync(HttpContext context, int code, string why) => SayAsync(context, code, new JsonObject { ["error"] = why });

        private static Task SayAsync(HttpContext context, int code, JsonObject what)
        {
            context.Response.StatusCode = code;
            context.Response.ContentType = "application/json";
            return context.Response.WriteAsync(what.ToJsonString(), context.RequestAborted);
        }
    }
}
