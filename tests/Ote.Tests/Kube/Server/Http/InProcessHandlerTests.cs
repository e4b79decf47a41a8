using Microsoft.AspNetCore.Http;
using Ote.Kube.Server.Access;
using Ote.Kube.Server.Http;

namespace Ote.Tests.Kube.Server.Http;

public sealed class InProcessHandlerTests
{
    [Fact]
    public async Task Request_whose_caller_gives_up_before_the_answer_begins_is_aborted_at_the_server()
    {
        var arrived = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var aborted = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var http = new HttpMessageInvoker(new InProcessHandler(ServeAsync, new UserInfo("ann", [])));
        using var request = new HttpRequestMessage(HttpMethod.Get, "https://embedded/api");
        using var patience = new CancellationTokenSource();
        var answer = http.SendAsync(request, patience.Token);
        await arrived.Task.WaitAsync(TestContext.Current.CancellationToken);
        await patience.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => answer);
        await aborted.Task.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);

        async Task ServeAsync(HttpContext context)
        {
            context.RequestAborted.Register(aborted.SetResult);
            arrived.SetResult();
            await aborted.Task;
        }
    }
}
