using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;
using Ote.Tests.Cluster.Tunnel;

namespace Ote.Tests.Cluster.Identity;

/// <summary>Whoever joins proves a key, and nothing else, until it is certified.</summary>
public sealed class ApplicantTests : IAsyncLifetime
{
    private static readonly PeerIdentity Wanted = new("c1", "uid-1");
    private readonly string directory = Directory.CreateTempSubdirectory("ote-join-").FullName;
    private readonly TlsTree tree = new();

    private static DateTimeOffset Yesterday => TimeProvider.System.GetUtcNow().AddDays(-1);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => await tree.StartAsync(join: (request, _) => Task.FromResult(new JoinAnswer
    {
        RequestId = request.RequestId,
        Outcome = JoinAnswer.Types.Outcome.Issued,
        Certificate = ByteString.CopyFrom(tree.Authority.Issue(SigningRequest.Read(request.Csr.Span), new PeerIdentity(request.Name, request.Uid), []).RawData),
        Authority = ByteString.CopyFrom(tree.Authority.Authority.RawData),
    }));

    public async ValueTask DisposeAsync()
    {
        await tree.DisposeAsync();
        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    public async Task The_first_link_goes_over_the_connection_that_joined()
    {
        Joined joined = await JoinAsync();
        WebSocketDialer dialer = new(() => throw new InvalidOperationException("it was dialled anew"), TimeProvider.System, joined: joined.Connection);
        Dialed dialed = await dialer.DialAsync(tree.Address, Ct);
        await using IPacketChannel channel = dialed.Channel;
        Assert.Equal("root", dialed.Parent.Name);
    }

    [Fact]
    public async Task One_that_is_not_the_clusters_any_more_is_dialled_anew()
    {
        Joined joined = await JoinAsync();
        joined.Connection.Dispose();
        using HttpClient stranger = Client(null);
        WebSocketDialer dialer = new(() => joined.Identity, TimeProvider.System, joined: new JoinedConnection(tree.Address, new PeerIdentity("root", "root-uid"), stranger));
        Dialed dialed = await dialer.DialAsync(tree.Address, Ct);
        await using IPacketChannel channel = dialed.Channel;
        Assert.Equal("root", dialed.Parent.Name);
    }

    [Fact]
    public async Task Before_it_is_certified_an_applicant_is_nobody_whatever_else_its_certificate_says()
    {
        using ECDsa key = SigningRequest.NewKey();
        CertificateRequest request = new(new X500DistinguishedName("CN=ote-applicant"), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(CertificateNames.Build(new PeerIdentity("root", "root-uid"), ["127.0.0.1"]));
        using X509Certificate2 forged = request.CreateSelfSigned(Yesterday, Yesterday.AddDays(2));
        using HttpClient http = Client(forged);
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync(new Uri("/join/ca", UriKind.Relative), Ct)).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await http.GetAsync(new Uri("/tunnel/probe", UriKind.Relative), Ct)).StatusCode);
    }

    [Fact]
    public async Task A_certificate_of_nobodys_making_with_any_other_name_opens_no_connection()
    {
        using ECDsa key = SigningRequest.NewKey();
        CertificateRequest request = new(new X500DistinguishedName("CN=c1"), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(CertificateNames.Build(Wanted, []));
        using X509Certificate2 forged = request.CreateSelfSigned(Yesterday, Yesterday.AddDays(2));
        using HttpClient http = Client(forged);
        await Assert.ThrowsAsync<HttpRequestException>(() => http.GetAsync(new Uri("/join/ca", UriKind.Relative), Ct));
    }

    [Theory]
    [InlineData(true, HttpStatusCode.OK)]
    [InlineData(false, HttpStatusCode.Unauthorized)]
    public async Task A_connection_becomes_the_clusters_only_if_the_key_it_proved_is_the_one_that_was_certified(bool isSame, HttpStatusCode status)
    {
        using ECDsa proven = SigningRequest.NewKey();
        using ECDsa other = SigningRequest.NewKey();
        using X509Certificate2 shown = Applicant.Create(proven);
        using HttpClient http = Client(shown);
        JoinRequest request = new()
        {
            RequestId = ByteString.CopyFrom(new byte[16]), Token = "t", Name = Wanted.Name, Uid = Wanted.Uid,
            Csr = ByteString.CopyFrom(SigningRequest.Create(Wanted.Name, [], isSame ? proven : other)),
        };
        using ByteArrayContent body = new(request.ToByteArray());
        Assert.Equal(HttpStatusCode.OK, (await http.PostAsync(new Uri("/join", UriKind.Relative), body, Ct)).StatusCode);
        Assert.Equal(status, (await http.GetAsync(new Uri("/tunnel/probe", UriKind.Relative), Ct)).StatusCode);
        using HttpClient next = Client(shown); // another connection has to earn it itself
        Assert.Equal(HttpStatusCode.Unauthorized, (await next.GetAsync(new Uri("/tunnel/probe", UriKind.Relative), Ct)).StatusCode);
    }

    private Task<Joined> JoinAsync() => new JoinClient(TimeProvider.System, () => 0.5, NullLogger.Instance)
        .JoinAsync(new JoinTicket(tree.Address, tree.Authority.Pin, "t", Wanted, []), directory, Ct);

    private HttpClient Client(X509Certificate2? certificate) => new(new SocketsHttpHandler
    {
        SslOptions = new SslClientAuthenticationOptions
        {
            ClientCertificateContext = certificate is null ? null : SslStreamCertificateContext.Create(certificate, null, offline: true),
#pragma warning disable CA5359 // What the server answers is what is looked at.
            RemoteCertificateValidationCallback = static (_, _, _, _) => true,
#pragma warning restore CA5359
        },
        UseProxy = false,
        MaxConnectionsPerServer = 1,
    }) { BaseAddress = tree.Address };
}
