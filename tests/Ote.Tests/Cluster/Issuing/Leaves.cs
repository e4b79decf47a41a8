using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Resources;
using Ote.Protocol.Tunnel;
using Ote.Tests.Cluster.Handling;

namespace Ote.Tests.Cluster.Issuing;

/// <summary>Leaves to issue, and what is issued by them, in a <see cref="SmallTree"/>, as an operator gives them.</summary>
internal static class Leaves
{
    /// <summary>Lets a cluster issue, makes a token for it, and waits until it holds both.</summary>
    public static async Task<string> LeaveAsync(this SmallTree tree, string issuer, CancellationToken ct, int uses = 1, string pattern = "shop-*")
    {
        var token = await tree.TokenForAsync(issuer, ct, uses);
        await tree.PatchAsync(issuer, new JsonObject { ["until"] = TimeProvider.System.GetUtcNow().AddDays(30).ToKubeTime(), ["namePattern"] = pattern }, ct);
        await tree.HoldsAsync(issuer, 1, ct);
        return token;
    }

    /// <summary>Changes what a cluster may issue; null takes it back.</summary>
    public static Task<JsonObject> PatchAsync(this SmallTree tree, string issuer, JsonObject? issuing, CancellationToken ct) =>
        tree.Root.PatchAsync(Kinds.Clusters, null, issuer, PatchKind.Merge, new JsonObject { ["spec"] = new JsonObject { ["issuing"] = issuing } }, ct);

    /// <summary>Makes a token for one issuer.</summary>
    public static async Task<string> TokenForAsync(this SmallTree tree, string issuer, CancellationToken ct, int uses = 1)
    {
        var token = JoinTokenText.Create(RandomNumberGenerator.Fill);
        await tree.Root.CreateAsync(Kinds.JoinTokens, null, new JsonObject
        {
            ["apiVersion"] = "ote.baidu.com/v1",
            ["kind"] = "JoinToken",
            ["metadata"] = new JsonObject { ["name"] = token.Id },
            ["spec"] = new JsonObject { ["secretHash"] = token.SecretHash, ["uses"] = uses, ["autoAccept"] = true, ["issuer"] = issuer },
        }, ct);
        return token.Reveal();
    }

    /// <summary>Waits until an issuer has said that it holds its leave with so many tokens.</summary>
    public static Task<JsonObject> HoldsAsync(this SmallTree tree, string issuer, int tokens, CancellationToken ct) => SmallTree.UntilAsync(
        tree.Root, Kinds.Clusters, null, issuer, c => c.IsTrue("MayIssue") && c.Condition("MayIssue").Text("message")!.Contains($"by {tokens} join tokens", StringComparison.Ordinal), ct);

    /// <summary>A certificate as a cluster signs it when it was taken over: by a true leave for <c>shop-*</c>, for whom it likes.</summary>
    public static ClusterIdentity Forge(this SmallTree tree, string issuer, string name, string uid, string token = "abcdef")
    {
        using var authority = CertificateAuthority.LoadOrCreate(Path.Combine(tree.Folder, "root", "identity"), TimeProvider.System);
        var signer = ClusterIdentity.Load(Path.Combine(tree.Folder, issuer, "identity"))!;
        var grant = IssuerGrant.Make("issuer-forged", signer.Peer, "shop-*", TimeProvider.System.GetUtcNow().AddDays(1), TimeSpan.FromHours(1), [authority]);
        return Provisional(signer, grant, new PeerIdentity(name, uid), token);
    }

    /// <summary>A provisional certificate with its key, as the product makes it, or as somebody who has the issuer's key may.</summary>
    /// <param name="signer">Whose name and certificate it carries.</param>
    /// <param name="grant">The leave.</param>
    /// <param name="site">Whom it names.</param>
    /// <param name="token">The id it carries.</param>
    /// <param name="at">When it is made.</param>
    /// <param name="sign">Whose key signs, when that is another.</param>
    /// <param name="life">Its life, when that is not the leave's.</param>
    /// <param name="proof">The leave it carries, when that is another.</param>
    public static ClusterIdentity Provisional(
        ClusterIdentity signer, IssuerGrant grant, PeerIdentity site, string token = "abcdef", DateTimeOffset? at = null, ClusterIdentity? sign = null, TimeSpan? life = null, SignedGrant? proof = null)
    {
        var key = SigningRequest.NewKey();
        var request = SigningRequest.Read(SigningRequest.Create(site.Name, [], key));
        using var bare = ProvisionalCertificate.Issue(signer, grant, token, request, site, at ?? TimeProvider.System.GetUtcNow());
        if (sign is null && life is null && proof is null)
        {
            return new ClusterIdentity(bare.CopyWithPrivateKey(key), signer.Authority);
        }

        using var signing = (sign ?? signer).Certificate.GetECDsaPrivateKey()!;
        var made = new CertificateRequest(bare.SubjectName, request.Key, HashAlgorithmName.SHA256);
        foreach (var extension in bare.Extensions)
        {
            made.CertificateExtensions.Add(extension.Oid!.Value == ProvisionalCertificate.ProofExtension && proof is not null
                ? new X509Extension(extension.Oid, new ProvisionalProof { Grant = proof, IssuerCertificate = ByteString.CopyFrom(signer.Certificate.RawData), Token = token }.ToByteArray(), false)
                : extension);
        }

        using var forged = made.Create(bare.IssuerName, X509SignatureGenerator.CreateForECDsa(signing), bare.NotBefore, life is { } longer ? bare.NotBefore + longer : bare.NotAfter, [1, 2, 3]);
        return new ClusterIdentity(forged.CopyWithPrivateKey(key), signer.Authority);
    }

    /// <summary>Asks at a cluster's door for the certificate that is to follow another.</summary>
    public static async Task<JoinAnswer> AskAsync(this SmallTree tree, string parent, ClusterIdentity former, CancellationToken ct)
    {
        using var key = SigningRequest.NewKey();
        var request = new JoinRequest
        {
            RequestId = ByteString.CopyFrom(RandomNumberGenerator.GetBytes(16)),
            Name = former.Peer.Name,
            Uid = former.Peer.Uid,
            Csr = ByteString.CopyFrom(SigningRequest.Create(former.Peer.Name, [], key)),
            Provisional = true,
        };
        Renewal.Prove(request, former);
        return await new JoinDoor(TimeProvider.System).AskAsync(new Uri($"https://{tree.Listen(parent)}"), TreeTrust.Of(former.Authority), request, ct);
    }
}
