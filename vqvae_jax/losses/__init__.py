"""What training minimises: reconstruction, commitment and perceptual loss on VGG-16 features. All reduce in float32."""
